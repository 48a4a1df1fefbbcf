/** The first page: the smallest real client of the API, with its own code beside it. */
// read before the client of Auth is made, which empties the address
import "../shared/landed.ts";
import { mount } from "../shared/mount.tsx";
import { lookAtProject } from "../shared/project.ts";
import { Start } from "./start.tsx";

mount(Start);
// what it lets people do beside a password is shown when it is known
lookAtProject().catch(() => undefined);
