-- What a person can do with a chat: pin it, archive it, delete it so that it can be restored, switch memory off in it; and
-- which of its branches is shown.

alter table app.conversations
  add column pinned_at timestamptz,
  add column archived_at timestamptz,
  add column deleted_at timestamptz,                       -- gone for good a day later
  add column named_at timestamptz,                         -- by the person, or by the model: its name stands
  add column reads_memory boolean not null default true,
  add column writes_memory boolean not null default true,
  add column temporary boolean not null default false,     -- in no list, and gone a day after its last message
  add column head_id uuid,                                 -- the last message of the branch that is shown
  add foreign key (head_id, id, user_id) references app.messages (id, conversation_id, user_id)
    on delete set null (head_id);
create index conversations_by_head on app.conversations (head_id) where head_id is not null;
