-- The bytes of a person's attachments are added up before each upload.
create index if not exists attachments_by_person on app.attachments (user_id);
