DROP TABLE webhooks_off;
