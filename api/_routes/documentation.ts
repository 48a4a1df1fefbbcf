/** The OpenAPI document and its readable form; all assets come from this server. */
import { Hono } from "hono";
import type { AppEnv } from "../_environment.ts";

/**
 * No inline scripts; styles inline, because Swagger UI sets them. Calls go to this server only, which is what the
 * reference tries out: a token that is typed in here cannot be sent anywhere else.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Switchyard API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"><p style="font-family: sans-serif; padding: 2rem">Loading the reference …</p></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

export const documentationRoutes = () =>
  new Hono<AppEnv>().get("/docs", (c) =>
    c.html(PAGE, 200, {
      "content-security-policy": POLICY,
      "referrer-policy": "no-referrer",
      "cache-control": "public, max-age=300",
    }),
  );
