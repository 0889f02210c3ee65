"""Verifies a webhook with standardwebhooks of PyPI: secret, headers as JSON, body. Prints the event."""

import json
import sys

from standardwebhooks.webhooks import Webhook

secret, headers, body = sys.argv[1:]
print(json.dumps(Webhook(secret).verify(body, json.loads(headers))))
