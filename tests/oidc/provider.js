// A real OpenID provider on loopback for the tests: clients get JWT access tokens by client_credentials.
// Usage: node provider.js PORT KEYS_FILE. Each client's id becomes the subject of its tokens.
// KEYS_FILE holds a JWK set of private keys; the first one signs. Ends with its standard input.
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const jwks = JSON.parse(readFileSync(process.argv[3], 'utf8'));
const issuer = `http://127.0.0.1:${port}`;
const algorithm = jwks.keys[0].alg;
const scope = 'mla:read mla:write mla:manage';
const audiences = { 'urn:mla-tracker': 'mla-tracker', 'urn:elsewhere': 'elsewhere' };

const provider = new Provider(issuer, {
  jwks,
  clients: ['officer-of-rabat', 'admin-of-rabat', 'nobody'].map((id) => ({
    client_id: id,
    client_secret: 'known-to-the-tests',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    id_token_signed_response_alg: algorithm,
  })),
  scopes: scope.split(' '),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:mla-tracker',
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope,
        audience: audiences[resource],
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
  ttl: { ClientCredentials: 600 },
});

// How often the keys were asked for: a tracker that asks for every strange token would tire out its provider.
let asked = 0;
provider.use(async (context, next) => {
  if (context.path === '/asked') {
    context.body = { asked };
    return;
  }
  if (context.path === '/jwks') asked += 1;
  await next();
});

const server = provider.listen(port, '127.0.0.1', () => console.log(`listening at ${issuer}`));
process.stdin.resume();
process.stdin.on('end', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
