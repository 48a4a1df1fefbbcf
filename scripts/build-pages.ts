/** A part of `npm run build`: the web pages, into public/. */
import { buildPages } from "./dev/pages.ts";

await buildPages();
