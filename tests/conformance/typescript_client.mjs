// An MCP client on the official TypeScript SDK: node typescript_client.mjs PACKAGE MODE URL
// It reads tool calls as JSON, one a line, and prints what happens in the same way: {open}, {answer} or {failed}.

import { createServer } from "node:http";
import { createInterface } from "node:readline";

const [packageName, mode, url] = process.argv.slice(2);
const isFirst = packageName === "@modelcontextprotocol/sdk";
const modules = isFirst ? ["client/index.js", "client/streamableHttp.js", "client/auth.js"] : ["."];
const loaded = await Promise.all(modules.map((path) => import(path === "." ? packageName : `${packageName}/${path}`)));
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = Object.assign({}, ...loaded);

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const kept = {};

const callback = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
  response.end("Signed in.");
  if (pathname === "/callback") kept.answer.resolve(searchParams);
});
await new Promise((resolve) => callback.listen(0, "127.0.0.1", resolve));
const redirectUrl = `http://127.0.0.1:${callback.address().port}/callback`;

const authProvider = {
  redirectUrl,
  clientMetadata: { client_name: "TypeScript client", redirect_uris: [redirectUrl], token_endpoint_auth_method: "none" },
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  discoveryState: () => kept.discovery,
  saveDiscoveryState: (discovery) => void (kept.discovery = discovery),
  invalidateCredentials: (scope) => {
    if (scope === "all" || scope === "tokens") delete kept.tokens;
    if (scope === "all" || scope === "client") delete kept.client;
  },
  redirectToAuthorization: (authorizationUrl) => {
    kept.answer = Promise.withResolvers();
    say({ open: authorizationUrl.href });
  },
};

async function finishSignIn(transport) {
  const answer = await kept.answer.promise;
  if (answer.get("state") !== kept.state) throw new Error("the answer is to another request");
  if (answer.has("error")) throw new Error(`${answer.get("error")}: ${answer.get("error_description")}`);
  await transport.finishAuth(isFirst ? answer.get("code") : answer);
}

// What needs a sign-in is done again after it, with a new transport where the old one never came to life.
async function signedIn(transport, attempt, again = attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await finishSignIn(transport);
    return again();
  }
}

function connected() {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  const client = new Client({ name: "typescript", version: "1" }, { versionNegotiation: { mode } });
  return signedIn(transport, () => client.connect(transport).then(() => client), connected);
}

try {
  const client = await connected();
  say({ answer: client.getServerVersion()?.name });
  for await (const line of createInterface({ input: process.stdin })) {
    const result = await signedIn(client.transport, () => client.callTool(JSON.parse(line)));
    say({ answer: result.content[0].text });
  }
} catch (error) {
  say({ failed: String(error) });
}
process.exit();
