// The auth server of `make run`: @supabase/lite on one loopback port, with only /auth/v1 switched on.
// It reads all settings from the environment, secrets included. It prints emails instead of sending them, and prints
// nothing else but errors. It does not watch files, serve an admin page or report usage.

import { serve } from "@hono/node-server";
import { App } from "@supabase/lite";
import { createConnection } from "@supabase/lite/sqlite";
import { DatabaseSync } from "node:sqlite";

const setting = (name) => {
  const value = process.env[`AUTH_${name}`];
  if (!value) throw new Error(`AUTH_${name} is not set`);
  return value;
};

const secrets = [setting("JWT_SECRET"), setting("SECRET_KEY")];
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (text, ...rest) =>
    write(secrets.reduce((clean, secret) => clean.replaceAll(secret, "[hidden]"), String(text)), ...rest);
}

// The library's links lead to its own verify route. The app's sign-in page takes the token itself and
// lets the person press a button, since mail scanners open every link.
const linkToApp = (text) =>
  text.replace(/\/auth\/v1\/verify\?token=([0-9a-f]+)&type=(\w+)\S*/g, `${setting("LINK_PATH")}?token_hash=$1&type=$2`);

const printMail = async ({ to, subject, text }) =>
  console.log(`mail to ${to}: ${subject}\n${linkToApp(text).trim()}\n`);

const app = new App({
  connection: await createConnection({ url: `file:${setting("DATABASE")}` }),
  api: { enabled: false },
  auth: {
    enabled: true,
    site_url: setting("SITE_URL"),
    jwt_secret: setting("JWT_SECRET"),
    jwt_expiry: Number(setting("JWT_EXPIRY")),
    publishable_key: setting("PUBLISHABLE_KEY"),
    secret_key: setting("SECRET_KEY"),
    enable_signup: true,
    minimum_password_length: Number(setting("PASSWORD_LENGTH")),
    email: { enable_signup: true, enable_confirmations: setting("CONFIRMATIONS") === "true" },
  },
  options: { drivers: { email: { send: printMail } } },
});
await app.ensureSystemSchema();

// People may take their own sign-in away. Supabase leaves that to its database and its administrators, of
// which there are none here.
const forget = async (request, context) => {
  const asked = await app.fetch(new Request(request.url, { headers: request.headers }), context);
  if (!asked.ok) return asked;
  const { id } = await asked.json();
  const users = new DatabaseSync(setting("DATABASE"), { timeout: 5000, enableForeignKeyConstraints: true });
  try {
    users.prepare('delete from "auth.refresh_tokens" where user_id = ?').run(id);
    users.prepare('delete from "auth.flow_state" where user_id = ?').run(id);
    users.prepare('delete from "auth.audit_log_entries" where instr(payload, ?) > 0').run(id);
    users.prepare('delete from "auth.users" where id = ?').run(id);
  } finally {
    users.close();
  }
  return new Response(null, { status: 204 });
};

// Supabase accepts the code of a confirmation and of a sign-in as of one type, "email". To the library it is "magiclink".
const verify = async (request, context) => {
  const sent = await request.text();
  const body = sent.replace(/"type"\s*:\s*"email"/, '"type":"magiclink"');
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  return app.fetch(new Request(request.url, { method: "POST", headers, body }), context);
};

const answer = (request, context) => {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/auth/v1/")) return new Response("There is nothing here.\n", { status: 404 });
  if (request.method === "DELETE" && pathname === "/auth/v1/user") return forget(request, context);
  if (request.method === "POST" && pathname === "/auth/v1/verify") return verify(request, context);
  return app.fetch(request, context);
};

const server = serve(
  {
    hostname: "127.0.0.1",
    port: Number(setting("PORT")),
    fetch: (request, { incoming }) => answer(request, { peerAddress: incoming.socket.remoteAddress ?? null }),
  },
  ({ port }) => console.log(`serving on http://127.0.0.1:${port}`),
);
server.on("error", (error) => {
  console.error(`could not listen: ${error.message}`);
  process.exit(1);
});
process.on("SIGTERM", () => process.exit(0));
