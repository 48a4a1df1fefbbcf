/** `npm run reset`: clears the development data, and nothing else. */
import { ConfigError, loadDevConfig, processEnvironment } from "../shared/config.ts";
import { clearDataFolder, FolderRefused } from "./dev/data-folder.ts";

try {
  console.log(await clearDataFolder(loadDevConfig(processEnvironment()).SWITCHYARD_DATA));
} catch (error) {
  if (error instanceof ConfigError) console.error(error.problems.join("\n"));
  else if (error instanceof FolderRefused) console.error(error.message);
  else console.error(error);
  process.exitCode = 1;
}
