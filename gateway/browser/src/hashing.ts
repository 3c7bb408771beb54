// The worker: computing must not keep the page from answering. What it is sent is a file.

import { digest, type Told } from "./fingerprints.ts";

const tell = (told: Told): void => self.postMessage(told);

self.addEventListener("message", ({ data }: MessageEvent<File>) => {
  digest(data, (done) => tell({ done })).then(
    (prints) => tell({ prints }),
    (error: unknown) => tell({ failed: String(error) }),
  );
});
