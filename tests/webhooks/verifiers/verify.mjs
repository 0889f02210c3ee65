// Verifies a webhook with standardwebhooks of npm: secret, headers as JSON, body. Prints the event.

import { Webhook } from "standardwebhooks";

const [secret, headers, body] = process.argv.slice(2);
console.log(JSON.stringify(new Webhook(secret).verify(body, JSON.parse(headers))));
