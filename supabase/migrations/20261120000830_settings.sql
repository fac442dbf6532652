-- A person's settings for replies, memory and retention; and the function that erases chats whose time is over.

create table app.preferences (
  user_id text primary key default app.asking(),
  model text check (length(model) between 1 and 200),            -- null: the deployment's own
  tone text not null default 'as it is' check (length(tone) between 1 and 40),
  instructions text not null default '' check (length(instructions) <= 2000),
  language text not null default 'mine' check (length(language) between 1 and 40),
  reads_memory boolean not null default true,
  writes_memory boolean not null default true,
  keep_days int check (keep_days between 1 and 36500),            -- null: for ever
  updated_at timestamptz not null default now()
);

alter table app.preferences enable row level security;
alter table app.preferences force row level security;
create policy own_preferences on app.preferences to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.preferences to authenticated;

comment on column app.preferences.reads_memory is 'Whether replies are told what is remembered; off here is off in every chat.';
comment on column app.preferences.writes_memory is 'Whether what is said is remembered; off here is off in every chat.';

-- Erases chats whose time is over: deleted and temporary ones after a day, others when the retention that their person set
-- has passed since the last message. Pinned chats stay. Their episodes are erased too; memories stay. It works across
-- users, since some never come back: it returns only a number, and erases `most` chats at a time.
create function app.sweep_chats(most int default 50) returns int
  language plpgsql security definer
  set search_path = ''
  as $$
declare
  over record;
  gone int := 0;
begin
  for over in
    select c.id, c.user_id
    from app.conversations c left join app.preferences p on p.user_id = c.user_id
    where c.deleted_at < now() - interval '1 day'
      or (c.temporary and c.updated_at < now() - interval '1 day')
      or (c.pinned_at is null and c.updated_at < now() - make_interval(days => p.keep_days))
    order by c.updated_at
    limit most
    for update of c skip locked
  loop
    begin
      -- A turn that is being remembered holds its message: that chat goes with a later sweep.
      perform from app.messages m where m.conversation_id = over.id and m.user_id = over.user_id for update nowait;
      delete from vecs.episodes e
        where e.user_id = over.user_id and coalesce(e.metadata ->> 'run_id', '') = over.id::text;
      delete from app.conversations c where c.id = over.id;
      gone := gone + 1;
    exception when lock_not_available then
      null;
    end;
  end loop;
  return gone;
end $$;

revoke all on function app.sweep_chats(int) from public;
grant execute on function app.sweep_chats(int) to keepsake_worker;
