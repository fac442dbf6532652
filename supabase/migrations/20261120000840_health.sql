-- Recall checks, and rechecks of old memories.

-- Recall checks: a question, and the memory that it must find. The memory's text at that time is stored too, so that a
-- changed or deleted memory can be told from one that is only not found.
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
-- Hashed, since ids from other programs may be too long for an index.
create unique index recall_checks_once on app.recall_checks (user_id, md5(memory_id), md5(question));

-- Rechecks, "Does this still hold?": each memory is asked about once, and a person now and then.
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
