// The one script of most pages. Each part finds its own elements by their data attributes and wakes them up; a page that
// has none of them is left as it is.

import { mountTotals } from "./totals.ts";
import { mountUpload } from "./upload.ts";

for (const mount of [mountTotals, mountUpload]) mount(document);
