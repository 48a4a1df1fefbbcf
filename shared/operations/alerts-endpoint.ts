/** The edge function `alerts` without its environment: looks for what is wrong, and tells the receiver. */
import { carriesSecretKey } from "../http/secret-key.ts";
import { type WatchAlertsOptions, watchAlerts } from "./watch-alerts.ts";

export interface AlertsEndpointOptions extends WatchAlertsOptions {
  /** the project's secret keys, of which a caller must have one */
  keys: readonly string[];
}

export function createAlertsEndpoint(options: AlertsEndpointOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== "POST") return answer(405, { message: "Only POST is answered here." });
    if (!(await carriesSecretKey(request, options.keys))) return answer(401, { message: "The secret key is needed." });
    const watched = await watchAlerts(options);
    return watched.match(
      ({ open, told, refused }) => answer(200, { open, told, refused }),
      ({ message }) => answer(503, { message }),
    );
  };
}

const answer = (status: number, body: Record<string, unknown>) => Response.json(body, { status });
