-- Hides the episodes of a chat while it is deleted, and stores the words of every message, so that chats can be searched.

-- A deleted chat leaves the queue; a restored one is in it again.
create or replace function app.claim_turn() returns table (message_id uuid, user_id text)
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
      join app.conversations c on c.id = m.conversation_id and c.deleted_at is null
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

-- -- episodes of a deleted chat ---------------------------------------------------------------------

-- Hides episodes of a deleted chat, also ones that are added or shown again for another reason. Fires after take_place,
-- which waits for a transaction that is deleting the chat at this moment.
create function app.with_its_chat() returns trigger
  language plpgsql
  set search_path = ''
  as $$
declare
  talk text := new.metadata ->> 'run_id';
begin
  if new.hidden or talk is null or talk !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return new;
  end if;
  new.hidden := exists (
    select from app.conversations c
    where c.id = talk::uuid and c.user_id = app.owner(new.metadata) and c.deleted_at is not null);
  return new;
end $$;

-- Deleting a chat hides its episodes, with one transaction writing a user's rows at a time; restoring it shows those that
-- no deleted memory hides.
create function app.hide_chat() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.write:' || new.user_id, 0));
  if new.deleted_at is not null then
    update vecs.episodes e set hidden = true
    where e.user_id = new.user_id and coalesce(e.metadata ->> 'run_id', '') = new.id::text and e.place >= 0
      and not e.hidden;
    return null;
  end if;
  with removed as materialized (
    select latest.memory_id, latest.message_id
    from (
      select distinct on (h.memory_id) h.memory_id, h.action, h.actor,
        coalesce(h.new_metadata, h.old_metadata) ->> 'message_id' as message_id
      from app.memory_history h where h.user_id = new.user_id
      order by h.memory_id, h.event desc) latest
    where latest.action = 'delete' and latest.actor in ('person', 'model', 'rules')
  )
  update vecs.episodes e set hidden = false
  where e.user_id = new.user_id and coalesce(e.metadata ->> 'run_id', '') = new.id::text and e.place >= 0 and e.hidden
    and not exists (
      select from removed r where r.message_id = e.metadata ->> 'turn' or e.metadata -> 'used' ? r.memory_id);
  return null;
end $$;

-- Erasing a chat erases its episodes; memories stay. Fires after the statement, so that the messages, which a worker may
-- have locked, are deleted first: the worker takes message and lock in the same order.
create function app.erase_chats() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.write:' || whose.user_id, 0))
  from (select distinct gone.user_id from gone order by gone.user_id) whose;
  delete from vecs.episodes e using gone
  where e.user_id = gone.user_id and coalesce(e.metadata ->> 'run_id', '') = gone.id::text and e.place >= 0;
  return null;
end $$;

-- Called once the table of episodes exists; safe to run again.
create function app.ensure_chats() returns void
  language plpgsql
  as $$
begin
  execute 'drop trigger if exists with_its_chat on vecs.episodes';
  execute 'create trigger with_its_chat before insert or update of hidden on vecs.episodes
             for each row execute function app.with_its_chat()';
  execute 'drop trigger if exists hide_chat on app.conversations';
  execute 'create trigger hide_chat after update of deleted_at on app.conversations for each row
             when ((old.deleted_at is null) <> (new.deleted_at is null)) execute function app.hide_chat()';
  execute 'drop trigger if exists erase_chats on app.conversations';
  execute 'create trigger erase_chats after delete on app.conversations referencing old table as gone
             for each statement execute function app.erase_chats()';
end $$;
revoke all on function app.ensure_chats() from public;

-- -- searching ----------------------------------------------------------------------------------------

-- A text in the form in which its words are compared: " like this one ".
create function app.spoken_words(written text) returns text
  language sql immutable parallel safe
  as $$
    select ' ' || btrim(regexp_replace(lower(app.plain_words(left(written, 60000))), '[^[:alnum:]]+', ' ', 'g')) || ' '
  $$;

-- Each word once, with the user id before it: one index over everybody's words, which is read for one user only.
create function app.owned_words(owner text, written text) returns tsvector
  language sql immutable parallel safe
  as $$
    select case
      -- No longer word can stand in a tsvector; where there may be one, each is looked at.
      when octet_length(told) > 2000 then (
        select array_to_tsvector(coalesce(array_agg(mark || left(word, 64)), '{}'))
        from unnest(string_to_array(btrim(told), ' ')) word where word <> '')
      else array_to_tsvector(string_to_array(mark || replace(btrim(told), ' ', ' ' || mark), ' ')) end
    from app.spoken_words(written) told cross join left(md5(owner), 8) mark
  $$;

create table app.message_words (
  message_id uuid primary key,
  conversation_id uuid not null,
  user_id text not null,
  seq bigint not null,
  words tsvector not null,
  foreign key (message_id, conversation_id, user_id) references app.messages (id, conversation_id, user_id)
    on delete cascade
) with (toast_tuple_target = 128);  -- rows are walked through, their words are looked up in the index
alter table app.message_words enable row level security;
alter table app.message_words force row level security;
create policy own_message_words on app.message_words to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.message_words to authenticated;

create function app.keep_message_words() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  insert into app.message_words (message_id, conversation_id, user_id, seq, words)
  values (new.id, new.conversation_id, new.user_id, new.seq, app.owned_words(new.user_id, new.content))
  on conflict (message_id) do update set words = excluded.words;
  return null;
end $$;
create trigger keep_message_words after insert or update of content on app.messages
  for each row execute function app.keep_message_words();

insert into app.message_words (message_id, conversation_id, user_id, seq, words)
select m.id, m.conversation_id, m.user_id, m.seq, app.owned_words(m.user_id, m.content) from app.messages m;
create index message_words_of_user on app.message_words (user_id, seq desc);
create index message_words_by_word on app.message_words using gin (words) with (fastupdate = off);

-- The query for the index: all words of a search, as whole words or as beginnings of words.
create function app.asked_words(owner text, words text[], beginnings boolean) returns tsquery
  language sql immutable parallel safe
  as $$
    select string_agg(
      quote_literal(left(md5(owner), 8) || left(word, 64))
        || case when beginnings and length(word) > 1 then ':*' else '' end, ' & ')::tsquery
    from unnest(words) word
  $$;

-- The user's messages that have all these words: those with the whole words first, then the latest. Postgres does not use
-- an index over words under row-level security, so this function runs with its owner's rights, reads only one user's
-- rows, and returns ids; the messages themselves are read under the policies.
--
-- Very frequent words are searched among the newest messages first, so that the index need not list all of them.
create function app.find_messages(words text[], phrases text[], most int)
  returns table (message_id uuid, whole boolean, seq bigint)
  language plpgsql stable security definer
  set search_path = ''
  -- Each step is planned for what it looks for: an index over everybody's words or over one person's messages.
  set plan_cache_mode = force_custom_plan
  set enable_seqscan = off
  set jit = off
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  wanted tsquery;
  step record;
  hit record;
  found_before uuid[] := '{}';
begin
  if me is null or coalesce(cardinality(words), 0) = 0 then
    return;
  end if;
  for step in
    select way.beginnings, way.newest
    from (values (1, false, true), (2, false, false), (3, true, true), (4, true, false)) way (number, beginnings, newest)
    where way.beginnings or cardinality(phrases) = 0
    order by way.number
  loop
    exit when cardinality(found_before) >= most;
    wanted := app.asked_words(me, words, step.beginnings);
    for hit in
      with near as materialized (
        select n.message_id, n.seq, n.conversation_id, n.words from app.message_words n
        where step.newest and n.user_id = me order by n.seq desc limit 300
      ),
      met as materialized (
        select n.message_id, n.seq, n.conversation_id from near n where n.words @@ wanted
        union all
        -- The words name their owner; the row says so once more, in a way that no other index is for.
        select s.message_id, s.seq, s.conversation_id from app.message_words s
        where not step.newest and s.words @@ wanted and s.user_id || '' = me
      ),
      listed as materialized (
        select met.message_id, met.seq from met
        join app.conversations c on c.id = met.conversation_id
        where c.user_id = me and c.deleted_at is null and not c.temporary and met.message_id <> all (found_before)
        -- Words that stand together are looked for in the messages themselves, which takes longer.
        order by met.seq desc limit case when cardinality(phrases) > 0 then 1000 else most end
      )
      select listed.message_id, listed.seq from listed
      where cardinality(phrases) = 0 or exists (
        select from app.messages m cross join lateral lower(app.plain_words(m.content)) told
        where m.id = listed.message_id and m.user_id = me
          and (select bool_and(told ~ ('\m' || replace(phrase, ' ', '[^[:alnum:]]+'))) from unnest(phrases) phrase))
      order by listed.seq desc limit most
    loop
      found_before := found_before || hit.message_id;
      message_id := hit.message_id;
      whole := not step.beginnings;
      seq := hit.seq;
      return next;
    end loop;
  end loop;
end $$;
revoke all on function app.find_messages(text[], text[], int) from public;
grant execute on function app.find_messages(text[], text[], int) to authenticated;

-- Searches the user's chats by their names, and messages by their words.
create function app.search_chats(asked text, quoted text[], most int)
  returns table (conversation_id uuid, message_id uuid, whole boolean, seq bigint)
  language plpgsql stable
  set search_path = ''
  as $$
#variable_conflict use_column
declare
  words text[] := (
    select array_agg(distinct word) from (
      select word from unnest(string_to_array(btrim(app.spoken_words(left(asked, 1000))), ' ')) word
      where word <> '' limit 12
    ) first);
  phrases text[] := (
    select coalesce(array_agg(btrim(told)), '{}')
    from unnest(quoted) phrase cross join lateral app.spoken_words(left(phrase, 1000)) told where btrim(told) <> '');
begin
  return query
  (select c.id, null::uuid, true, null::bigint
   from app.conversations c cross join lateral app.spoken_words(c.title) told
   where words is not null and c.deleted_at is null and not c.temporary
     and (select bool_and(strpos(told, ' ' || word) > 0) from unnest(words || phrases) word)
   order by c.updated_at desc limit most)
  union all
  select m.conversation_id, m.id, found.whole, found.seq
  from app.find_messages(words, phrases, most) found
  join app.messages m on m.id = found.message_id;
end $$;
