// npm oidc-provider on loopback: client credentials, resource indicators, JWT and opaque access tokens, introspection and
// revocation, keys made at its start.
// usage: node provider.mjs PORT SECRET
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, secret] = process.argv.slice(2);
const scope = 'orders:read orders:write';

const key = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID(),
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [key('ES256', 'ec', { namedCurve: 'P-256' }), key('RS256', 'rsa', { modulusLength: 2048 })] },
  scopes: scope.split(' '),
  clients: [{
    client_id: 'interop', client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope,
  }],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // The resource's last segment chooses the algorithm of its tokens, or that they are opaque, and how long they live.
      getResourceServerInfo: (_, resource) => ({
        scope, audience: resource,
        accessTokenFormat: /\/(live|brief|beyond)$/.test(resource) ? 'opaque' : 'jwt',
        accessTokenTTL: resource.endsWith('/brief') ? 3 : 300,
        jwt: { sign: { alg: resource.endsWith('/rs256') ? 'RS256' : 'ES256' } },
      }),
    },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
});

provider.listen(Number(port), '127.0.0.1');
