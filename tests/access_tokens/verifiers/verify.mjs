// Verifies an access token with jose: the address of the keys, issuer, audience, token. Prints the claims.

import { createRemoteJWKSet, jwtVerify } from "jose";

const [jwks, issuer, audience, token] = process.argv.slice(2);
const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwks)), {
  algorithms: ["ES256"],
  audience,
  issuer,
  requiredClaims: ["exp", "iat", "sub", "jti"],
  typ: "at+jwt",
});
console.log(JSON.stringify(payload));
