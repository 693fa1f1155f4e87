// A certified OpenID provider, panva's oidc-provider, with the grant of RFC 8693 added as its documents say. Anybody signs
// in by a name alone. It exchanges access tokens that it issued to this client for tokens for the services below.
import { createServer } from "node:http";
import Provider, { errors } from "oidc-provider";

const { DEVELOPMENT_PROVIDER_PORT: port, DEVELOPMENT_ISSUER: issuer } = process.env;
const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const SERVICES = { wiki: "read write" };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: process.env.DEVELOPMENT_CLIENT_ID,
      client_secret: process.env.DEVELOPMENT_CLIENT_SECRET,
      redirect_uris: [process.env.DEVELOPMENT_REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token", TOKEN_EXCHANGE],
    },
  ],
  cookies: { keys: ["of a provider for tests"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
  }),
  // Who has signed in has agreed.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile offline_access");
    await grant.save();
    return grant;
  },
  interactions: { url: (_ctx, interaction) => `/sign-in/${interaction.uid}` },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 600 },
});

provider.registerGrantType(
  TOKEN_EXCHANGE,
  async (ctx) => {
    const { params, client } = ctx.oidc;
    if (params.subject_token_type !== ACCESS_TOKEN) throw new errors.InvalidRequest("subject_token_type is not known");
    const subject = await ctx.oidc.provider.AccessToken.find(params.subject_token);
    if (!subject || subject.clientId !== client.clientId) throw new errors.InvalidGrant("subject_token is not valid");
    const known = SERVICES[params.audience];
    if (!known) throw new errors.InvalidTarget();
    const scope = (params.scope ?? "").split(" ").filter((each) => known.split(" ").includes(each)).join(" ");
    const token = new ctx.oidc.provider.AccessToken({
      accountId: subject.accountId,
      client,
      grantId: subject.grantId,
      gty: "token_exchange",
      scope,
    });
    token.resourceServer = new ctx.oidc.provider.ResourceServer(params.audience, {
      audience: params.audience,
      accessTokenFormat: "jwt",
      accessTokenTTL: 300,
      jwt: { sign: { alg: "RS256" } },
      scope: known,
    });
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: ACCESS_TOKEN,
      token_type: "Bearer",
      expires_in: token.expiration,
      scope,
    };
  },
  ["subject_token", "subject_token_type", "audience", "scope"],
);

const answer = provider.callback();
const FORM = '<form method="post"><input name="sub"><button name="action" value="authorize">Sign in</button></form>';

createServer(async (request, response) => {
  if (!request.url.startsWith("/sign-in/")) return answer(request, response);
  if (request.method !== "POST") return response.setHeader("Content-Type", "text/html").end(FORM);
  let body = "";
  for await (const piece of request) body += piece;
  const accountId = new URLSearchParams(body).get("sub");
  await provider.interactionFinished(request, response, { login: { accountId } });
}).listen(Number(port), "127.0.0.1");
