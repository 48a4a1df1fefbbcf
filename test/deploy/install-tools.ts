/** Before the deployment checks, whose deadlines would else have to hold a download. */
import { installTool } from "../../tools/install.ts";

export async function setup(): Promise<void> {
  for (const tool of ["supabase", "vercel", "biome"] as const) await installTool(tool);
}
