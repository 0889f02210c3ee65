"""Verifies an access token with PyJWT: the address of the keys, issuer, audience, token. Prints the claims."""

import json
import sys

import jwt

jwks, issuer, audience, token = sys.argv[1:]
key = jwt.PyJWKClient(jwks).get_signing_key_from_jwt(token)
required = ["exp", "iat", "iss", "aud", "sub", "jti"]
claims = jwt.decode(
    token, key, algorithms=["ES256"], issuer=issuer, audience=audience, options={"require": required}
)
print(json.dumps(claims))
