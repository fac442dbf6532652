-- Attachments: the text of a file, or a picture without its metadata. They are deleted with their message, and so with the
-- chat and the account.

create table app.attachments (
  id uuid primary key default gen_random_uuid(),
  message_id uuid not null,
  conversation_id uuid not null,
  user_id text not null default app.asking(),
  place int not null,
  name text not null check (length(name) between 1 and 200),
  media text not null check (media in ('text/plain', 'application/pdf', 'image/jpeg', 'image/png')),
  size int not null check (size > 0),           -- of the file as it was sent
  written text check (length(written) <= 200000),
  picture bytea check (octet_length(picture) <= 10485760),
  preview bytea check (octet_length(preview) <= 1048576),
  created_at timestamptz not null default now(),
  check ((written is null) = (picture is not null)),
  check ((picture is null) = (preview is null)),
  unique (message_id, place),
  -- The owner is part of every foreign key: nobody can attach a file to another person's message.
  foreign key (message_id, conversation_id, user_id) references app.messages (id, conversation_id, user_id)
    on delete cascade
);

alter table app.attachments enable row level security;
alter table app.attachments force row level security;
create policy own_attachments on app.attachments to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.attachments to authenticated;
