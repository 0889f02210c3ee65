// A user registers, signs in, goes on with another pair of tokens and changes the name and the password, by a client that was
// generated from the OpenAPI document. Takes the address of the API and an email address; says who was signed in.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Problem = components["schemas"]["Problem"];

declare const process: { argv: string[] };

const [, , baseUrl = "", email = ""] = process.argv;
const api = createClient<paths>({ baseUrl });
const password = "correct horse battery";

/** What was answered, or an end with what went wrong. */
function expect<T>({ data, error }: { data?: T; error?: Problem }): NonNullable<T> {
  if (data === undefined || data === null) {
    throw new Error(`${error?.status} ${error?.code}: ${error?.detail}`);
  }
  return data;
}

const user = expect(await api.POST("/users/", { body: { email, full_name: "Ada Lovelace", password } }));
const signedIn = expect(await api.POST("/auth/login", { body: { email, password } }));
const body = { refresh_token: signedIn.refresh_token };
const tokens = expect(await api.POST("/auth/refresh", { body }));
const headers = { Authorization: `${tokens.token_type} ${tokens.access_token}` };

const path = { id: user.id };
const changed = expect(await api.PATCH("/users/{id}", { headers, params: { path }, body: { full_name: "Ada King" } }));
const words = { current_password: password, new_password: "three otters in a bathtub" };
const { response } = await api.POST("/auth/password", { headers, body: words });
const me = expect(await api.GET("/auth/me", { headers }));

const again = await api.POST("/auth/login", { body: { email, password } });
const code: string | undefined = again.error?.code;
console.log(JSON.stringify({ id: user.id, me, changed: changed.full_name, password: response.status, again: code }));
