import { standIn } from "./stand-in.mjs";

await standIn("vercel");
