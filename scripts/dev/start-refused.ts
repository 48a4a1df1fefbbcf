/** What keeps the system from starting, in one sentence. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

export const portTaken = (port: number, variable: string) =>
  new StartRefused(`Port ${port} is taken by another program: stop that one, or set ${variable} to a free port.`);
