-- Conversations and messages. A message has a parent, which makes branches possible. The queue of turns to remember
-- is a column of the messages.

create table app.conversations (
  id uuid primary key default gen_random_uuid(),
  user_id text not null default app.asking() check (length(user_id) between 1 and 255),
  title text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, user_id)
);

create index conversations_of_user on app.conversations (user_id, updated_at desc);

create table app.messages (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  conversation_id uuid not null,
  parent_id uuid,
  user_id text not null default app.asking(),
  role text not null check (role in ('user', 'assistant')),
  content text not null,
  status text not null default 'complete' check (status in ('complete', 'stopped', 'failed')),
  receipt jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  -- The state that the worker reads; only a person's message is ever anything but 'none'.
  remembering text not null default 'none' check (remembering in ('none', 'waiting', 'done', 'given up')),
  remember_after timestamptz not null default now(),
  remember_attempts int not null default 0,
  unique (id, conversation_id, user_id),
  -- Foreign keys are checked without row-level security, so the owner is part of them: nobody can add a
  -- message to another person's conversation.
  foreign key (conversation_id, user_id) references app.conversations (id, user_id) on delete cascade,
  foreign key (parent_id, conversation_id, user_id) references app.messages (id, conversation_id, user_id)
    on delete cascade
);

create index messages_of_conversation on app.messages (conversation_id, seq);
create index messages_of_parent on app.messages (parent_id) where parent_id is not null;
create index messages_to_remember on app.messages (user_id, seq) where remembering = 'waiting';

alter table app.conversations enable row level security;
alter table app.conversations force row level security;
alter table app.messages enable row level security;
alter table app.messages force row level security;

create policy own_conversations on app.conversations to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
create policy own_messages on app.messages to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));

grant select, insert, update, delete on app.conversations, app.messages to authenticated;

-- The next turn to remember, locked until the caller's transaction ends; one at a time for each user.
-- It reads the turns of all users and therefore returns only ids.
create function app.claim_turn() returns table (message_id uuid, user_id text)
  language plpgsql security definer
  set search_path = ''
  as $$
declare
  waiting record;
begin
  for waiting in
    select first.id, first.user_id
    from (
      -- A turn that rests holds back the later ones of its person, so that they are learned in order; after
      -- three tries they may pass, so that one bad turn cannot stop all remembering.
      select distinct on (m.user_id) m.id, m.user_id, m.seq, m.remember_after
      from app.messages m
      where m.remembering = 'waiting' and (m.remember_after <= now() or m.remember_attempts < 3)
      order by m.user_id, m.seq
    ) first
    where first.remember_after <= now()
    order by first.seq
  loop
    if pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.remember:' || waiting.user_id, 0)) then
      return query
        select m.id, m.user_id from app.messages m
        where m.id = waiting.id and m.remembering = 'waiting'
        -- Not `for update`: that would keep the person from answering to a message that is being remembered.
        for no key update skip locked;
      if found then
        return;
      end if;
    end if;
  end loop;
end $$;

revoke all on function app.claim_turn() from public;
grant execute on function app.claim_turn() to keepsake_worker;
