/** `npm run build`: what a deployment publishes beside the function. */
import { copyReferenceFiles } from "./dev/reference-files.ts";

await copyReferenceFiles();
