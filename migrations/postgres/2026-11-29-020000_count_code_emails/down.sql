DROP TABLE code_emails;
