/** Every route of operators, as the document lists them, and everybody who may not use it. */
import { err, ok } from "neverthrow";
import { beforeAll, describe, expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import { createLimits, type Limits } from "../../shared/limits/limits.ts";
import { parseLimits } from "../../shared/limits/settings.ts";
import { createLog } from "../../shared/log.ts";
import { memoryApi, token } from "../unit/api-memory.ts";
import { addressOf, type Operation, operationsOf } from "./operations.ts";

const VIEWERS = { VIEWER_EMAILS: "Look@Example.com,look@kiosk.example,root@example.com" };
/** Functions of the control plane that were called, in order, with what they were given. */
interface Call {
  name: string;
  parameters: Record<string, unknown>;
}

function startApi(environment: Record<string, string> = {}, isNoting = true, limits?: Limits) {
  const calls: Call[] = [];
  const api = memoryApi({
    environment: { ...VIEWERS, ...environment },
    ...(limits && { limits }),
    router: {
      getDatabaseStats: async () => ({}) as never,
      getUnsent: async () => ok([]),
      getHealth: async () => ({ homes: [] }) as never,
      getBreakers: () => [],
      control: async (_does: string, name: string, parameters: object) => {
        calls.push({ name, parameters: parameters as Call["parameters"] });
        const isNote = name.startsWith("switchyard_admin_note");
        return (isNote && isNoting ? ok(1) : err(unavailable("away"))) as never;
      },
    },
  });
  return { ...api, calls };
}

let everything: Operation[];
let operations: Operation[];
let changes: Operation[];
beforeAll(async () => {
  const { app } = memoryApi();
  everything = operationsOf(await (await app.request("/api/openapi.json")).json());
  operations = everything.filter(({ path }) => path.startsWith("/api/admin/"));
  changes = operations.filter(({ method }) => method !== "GET");
});

const ID = "22222222-2222-4222-8222-222222222222";
async function ask({ app }: ReturnType<typeof startApi>, operation: Operation, claims: object, body: object = {}) {
  const response = await app.request(addressOf(operation, ID), {
    method: operation.method,
    headers: { authorization: `Bearer ${await token({ ...claims })}`, "content-type": "application/json" },
    ...(operation.takesBody && { body: JSON.stringify(body) }),
  });
  const said = response.headers.get("content-type")?.includes("json") ? await response.json() : {};
  return {
    status: response.status,
    code: (said as { code?: string }).code,
    detail: (said as { detail?: string }).detail,
  };
}
const confirmed = { app_metadata: { email_confirmed: true } };
const VIEWER = { email: "LOOK@example.com", ...confirmed };
const ADMIN = { app_metadata: { role: "admin" } };

test("there are routes that read and routes that change", () => {
  expect(operations.length).toBeGreaterThan(20);
  expect(changes.length).toBeGreaterThan(13);
});

describe("nothing of it is for", () => {
  test.each([
    ["anybody who has signed in", {}],
    ["an address that is not confirmed", { email: "look@example.com", app_metadata: { email_confirmed: false } }],
    ["an address that only looks like a viewer's", { email: "look@\u212Aiosk.example", ...confirmed }],
    [
      "an address that an identity provider vouches for",
      { email: "look@example.com", app_metadata: { email_confirmed: true, provider: "sso:1", providers: ["sso:1"] } },
    ],
    ["another role", { app_metadata: { role: "Viewer" } }],
    ["what users write themselves", { user_metadata: { role: "viewer" } }],
  ])("%s", async (_, claims) => {
    const api = startApi();
    for (const operation of operations)
      expect([operation.method, operation.path, (await ask(api, operation, claims)).code]).toEqual([
        operation.method,
        operation.path,
        "forbidden",
      ]);
    expect(api.calls).toEqual([]);
  });
});

describe("a scraper's token", () => {
  const METRICS_TOKEN = "0123456789abcdef0123456789abcdef";
  const METRICS = "/api/admin/metrics";
  const present = (api: ReturnType<typeof startApi>, path: string, given: string, init: RequestInit = {}) =>
    api.app.request(path, { ...init, headers: { authorization: given, "content-type": "application/json" } });

  test("reads the measures, and opens no other route, by whatever method", async () => {
    const api = startApi({ METRICS_TOKEN });
    let refused = 0;
    for (const operation of everything.filter(({ secured }) => secured)) {
      const { method, takesBody } = operation;
      const answer = await present(api, addressOf(operation, ID), `Bearer ${METRICS_TOKEN}`, {
        method,
        ...(takesBody && { body: "{}" }),
      });
      const isMeasures = operation.path === METRICS && method === "GET";
      expect([method, operation.path, answer.status]).toEqual([method, operation.path, isMeasures ? 200 : 401]);
      if (!isMeasures) refused++;
    }
    expect(refused).toBeGreaterThan(100);
    // what is not in the document
    for (const method of ["POST", "PUT", "PATCH", "DELETE"])
      expect((await present(api, METRICS, `Bearer ${METRICS_TOKEN}`, { method })).status).toBe(405);
    for (const path of [`${METRICS}/`, `${METRICS}/x`, "/api/admin"])
      expect((await present(api, path, `Bearer ${METRICS_TOKEN}`)).status).toBe(404);
    // nothing is written down of whoever reads
    expect(api.calls.filter(({ name }) => name.includes("note"))).toEqual([]);
  });

  test("is that one, and there is none where none was configured", async () => {
    const api = startApi({ METRICS_TOKEN });
    const others = [METRICS_TOKEN.slice(1), `${METRICS_TOKEN}0`, METRICS_TOKEN.toUpperCase(), "", "undefined"];
    for (const other of others.map((token) => `Bearer ${token}`).concat(METRICS_TOKEN, `Basic ${METRICS_TOKEN}`))
      expect([other, (await present(api, METRICS, other)).status]).toEqual([other, 401]);
    for (const given of [`Bearer ${METRICS_TOKEN}`, "Bearer undefined", "Bearer ", "Bearer"])
      expect((await present(startApi(), METRICS, given)).status).toBe(401);
    // nor elsewhere than in that header
    const headers = { apikey: METRICS_TOKEN, cookie: `token=${METRICS_TOKEN}` };
    expect((await api.app.request(`${METRICS}?token=${METRICS_TOKEN}`, { headers })).status).toBe(401);
    expect(api.calls).toEqual([]);
  });

  test("is counted against the limit of admins, and what is tried against that of its address", async () => {
    const settings = parseLimits("admin=2,address=4");
    if (typeof settings === "string") throw new Error(settings);
    const limits = createLimits({ settings, isAlone: true, log: createLog({ level: "silent" }) });
    const api = startApi({ METRICS_TOKEN, CLIENT_ADDRESS_HEADER: "x-address" }, true, limits);
    const from = async (address: string, given: string) => {
      const headers = { authorization: `Bearer ${given}`, "x-address": address };
      return (await api.app.request(METRICS, { headers })).status;
    };
    for (const status of [200, 200, 429]) expect(await from("10.0.0.1", METRICS_TOKEN)).toBe(status);
    for (const status of [401, 401, 401, 401, 429]) expect(await from("10.0.0.2", "guess")).toBe(status);
    expect(await from("10.0.0.2", METRICS_TOKEN)).toBe(429);
  });
});

describe("viewers", () => {
  test.each([
    ["by their address", VIEWER],
    ["by their metadata", { app_metadata: { role: "viewer" } }],
  ])("named %s read everything and change nothing", async (_, claims) => {
    const api = startApi();
    for (const operation of operations) {
      const { status, code, detail } = await ask(api, operation, claims);
      const said = [operation.method, operation.path, status];
      if (operation.method === "GET") expect([401, 403], said.join(" ")).not.toContain(status);
      else
        expect([...said, code, detail]).toEqual([
          ...said.slice(0, 2),
          403,
          "forbidden",
          expect.stringMatching(/^Viewers/),
        ]);
    }
    expect(api.calls.filter(({ name }) => name.startsWith("switchyard_admin_note"))).toEqual([]);
  });

  test("who are admins, too, are admins", async () => {
    const api = startApi();
    const both = { email: "root@example.com", ...confirmed };
    for (const operation of changes) expect((await ask(api, operation, both)).status).not.toBe(403);
  });

  test("and admins sign in with a second factor, where that is asked for", async () => {
    const api = startApi({ ADMIN_REQUIRE_MFA: "1" });
    for (const claims of [VIEWER, ADMIN])
      for (const operation of operations) {
        if (claims === VIEWER && operation.method !== "GET") continue;
        expect((await ask(api, operation, claims)).code, operation.path).toBe("mfa_required");
        expect((await ask(api, operation, { ...claims, aal: "aal2" })).status).not.toBe(403);
      }
  });
});

describe("the audit", () => {
  test("has a line of every change before it is made, and how it ended", async () => {
    for (const operation of changes) {
      const api = startApi();
      const { status, code = null } = await ask(api, operation, ADMIN, { reason: "because", users: [ID] });
      const [first, ...others] = api.calls;
      expect(first).toEqual({
        name: "switchyard_admin_note",
        parameters: expect.objectContaining({
          p_actor_id: "11111111-1111-4111-8111-111111111111",
          p_actor: "ann@example.com",
          p_action: `${operation.method} ${operation.path}`,
          p_reason: operation.takesBody ? "because" : null,
          p_subjects: operation.takesBody || operation.path.includes("{") ? [ID] : [],
        }),
      });
      expect(others.at(-1)).toEqual({
        name: "switchyard_admin_note_outcome",
        parameters: { p_audit: 1, p_status: status, p_code: code, p_affected: null },
      });
    }
  });

  test("is not had: nothing is changed", async () => {
    for (const operation of changes) {
      const api = startApi({}, false);
      expect((await ask(api, operation, ADMIN, { reason: "because" })).status, operation.path).toBe(503);
      expect(api.calls.map(({ name }) => name)).toEqual(["switchyard_admin_note"]);
    }
  });

  test("asking a route for a rehearsal that has none does not keep it out of the audit", async () => {
    for (const operation of changes) {
      const knows = operation.parameters.some(({ name }) => name === "dry_run");
      for (const query of ["dry_run=true", "dry_run=true&dry_run=false", "dry_run=false&dry_run=true"]) {
        const api = startApi();
        const path = `${operation.path}?${query}`;
        const { status } = await ask(api, { ...operation, path, parameters: [] }, ADMIN, { reason: "because" });
        const names = api.calls.map(({ name }) => name);
        // what is asked for twice is refused, before anything is called
        if (knows && names.length === 0) expect([400, 422]).toContain(status);
        else if (!knows) expect(names[0], operation.path).toBe("switchyard_admin_note");
      }
    }
  });

  test("takes a reason with every change, and the document says where", () => {
    expect(changes.length).toBeGreaterThan(10);
    const silent = changes.filter(
      ({ parameters }) => !parameters.some(({ name, in: place }) => place === "header" && name === "x-reason"),
    );
    expect(silent.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  test.each([
    ["in a header, percent-encoded", undefined, "f%C3%BCr%20Ann", "für Ann"],
    ["in a header that is no percent-encoding", undefined, "100%", "100%"],
    ["in the body, before a header", "body", "header", "body"],
    ["longer than a line may be", "x".repeat(501), "", "x".repeat(500)],
    ["with what Postgres does not store", "a\u0000b", "", "ab"],
  ])("takes a reason %s", async (_, inBody, header, expected) => {
    const api = startApi();
    await api.app.request("/api/admin/moves/clean", {
      method: "POST",
      headers: {
        authorization: `Bearer ${await token(ADMIN)}`,
        "content-type": "application/json",
        ...(header && { "x-reason": header }),
      },
      body: JSON.stringify({ users: [ID], ...(inBody !== undefined && { reason: inBody }) }),
    });
    expect(api.calls[0]?.parameters.p_reason).toBe(expected);
  });

  test.each([
    ["a long text", { note: "x".repeat(5_000) }, { left_out: expect.any(String) }],
    ["half a character", '{"note":"\\ud800"}', { left_out: expect.any(String) }],
    ["a NUL", { note: "\u0000" }, { left_out: expect.any(String) }],
    ["no object", "[1]", {}],
    ["no JSON", "{", {}],
  ])("keeps no more than it can of a body: %s", async (_, body, asked) => {
    const api = startApi();
    await api.app.request("/api/admin/moves/clean", {
      method: "POST",
      headers: { authorization: `Bearer ${await token(ADMIN)}`, "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    expect(api.calls[0]?.parameters.p_asked).toEqual(asked);
  });
});
