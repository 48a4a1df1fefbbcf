/** The operator's pages. */
// read before the client of Auth is made, which empties the address
import "../shared/landed.ts";
import { mount } from "../shared/mount.tsx";
import { lookAtProject } from "../shared/project.ts";
import { Admin } from "./admin.tsx";

mount(Admin);
// whether one may come in with Google is shown when it is known
lookAtProject().catch(() => undefined);
