// A client on the official TypeScript SDK that opens no browser: node typescript_without_browser.mjs PACKAGE PROVIDER JSON
// It calls `whoami` and prints what it is told, or what the SDK threw. JSON has the provider's options, and `url`; for
// CrossAppAccessProvider also `idp`, the options of the token exchange at the issuer.

const [packageName, provider, json] = process.argv.slice(2);
const isFirst = packageName === "@modelcontextprotocol/sdk";
const modules = isFirst ? ["/client/index.js", "/client/streamableHttp.js", "/client/auth-extensions.js"] : [""];
const loaded = await Promise.all(modules.map((path) => import(packageName + path)));
const sdk = Object.assign({}, ...loaded);

const { url, idp, ...options } = JSON.parse(json);
if (idp) {
  options.assertion = async ({ authorizationServerUrl, resourceUrl, scope, fetchFn }) => {
    const asked = { ...idp, audience: authorizationServerUrl, resource: resourceUrl, scope, fetchFn };
    return (await sdk.discoverAndRequestJwtAuthGrant(asked)).jwtAuthGrant;
  };
}

try {
  const transport = new sdk.StreamableHTTPClientTransport(new URL(url), { authProvider: new sdk[provider](options) });
  const client = new sdk.Client({ name: "typescript", version: "1" });
  await client.connect(transport);
  const result = await client.callTool({ name: "whoami", arguments: {} });
  console.log(JSON.stringify({ answer: result.content[0].text }));
} catch (error) {
  console.log(JSON.stringify({ failed: String(error) }));
}
process.exit();
