-- Looking after one's memories: questions that must find a memory, and which memories were asked about once.

-- "You must know this": a question, and the memory that it has to find. The words at pinning stay beside it, so that
-- a memory that changed or went is told apart from one that is only not found.
create table app.recall_checks (
  id uuid primary key default gen_random_uuid(),
  user_id text not null default app.asking(),
  question text not null check (length(question) between 1 and 300),
  memory_id text not null,
  pinned_text text not null,
  pinned_at timestamptz not null default clock_timestamp(),
  ran_at timestamptz,
  outcome text check (outcome in ('found', 'changed', 'missed', 'gone')),
  place int,
  why jsonb not null default '{}'::jsonb
);
-- Hashed, since ids of other writers may be longer than an index takes.
create unique index recall_checks_once on app.recall_checks (user_id, md5(memory_id), md5(question));

-- "Does this still hold?": each memory is asked about once, and a person once in a while.
create table app.confirmations (
  user_id text not null default app.asking(),
  memory_id text not null,
  asked_at timestamptz not null default now(),
  answered_at timestamptz,
  answer text check (answer in ('true', 'gone', 'changed', 'never')),
  primary key (user_id, memory_id)
);
create index confirmations_lately on app.confirmations (user_id, asked_at desc);

do $$
declare
  each text;
begin
  foreach each in array array['recall_checks', 'confirmations']
  loop
    execute format('alter table app.%I enable row level security', each);
    execute format('alter table app.%I force row level security', each);
    execute format('create policy %I on app.%I to authenticated
      using (user_id = (select app.asking())) with check (user_id = (select app.asking()))', 'own_' || each, each);
    execute format('grant select, insert, update, delete on app.%I to authenticated', each);
  end loop;
end $$;
