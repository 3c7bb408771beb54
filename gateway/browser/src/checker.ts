// The script of the pages that check a receipt; one of them works from a disk, so that it has all of it in itself.

import { mountCheck } from "./check.ts";

mountCheck(document);
