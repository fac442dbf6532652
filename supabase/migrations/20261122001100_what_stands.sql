-- What was corrected comes with the memory that stands now, also where tidying merged the corrected one into another; and
-- what was deleted does not come back with other messages that say it again.

create index memory_history_merges on app.memory_history (user_id)
  where new_metadata ? 'merged_from' or new_metadata ? 'summary_of';
create index memory_history_removed on app.memory_history (user_id, event desc)
  where action = 'delete' and actor in ('person', 'model', 'rules', 'outside');

-- The memory that stands in the place of this one: itself, or the one that tidying merged it into, however often; null if
-- there is none.
create function app.stands_for(memory text) returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
declare
  me text := app.asking();
  now_id text := memory;
  seen text[] := '{}';
begin
  while now_id is not null and not exists (select from vecs.memories m where m.id = now_id and m.user_id = me) loop
    seen := seen || now_id;
    if (select h.actor from app.memory_history h where h.memory_id = now_id and h.user_id = me order by h.event desc limit 1)
      is distinct from 'tidy' then
      return null;
    end if;
    select (
      select h.memory_id from app.memory_history h
      where h.user_id = me and (h.new_metadata ? 'merged_from' or h.new_metadata ? 'summary_of')
        and (h.new_metadata -> 'merged_from' ? seen[cardinality(seen)] or h.new_metadata -> 'summary_of' ? seen[cardinality(seen)])
        and h.memory_id <> all (seen)
      order by h.event desc limit 1) into now_id;
  end loop;
  return now_id;
end $$;

-- Statements that no longer stand, as far as these messages told them or these memories said them: earlier words of
-- memories, and what the person decided against. `now_id` is the memory that stands instead, if any, and `now_says` what it
-- says. `until` is when they ended. Words that the memory says again (an undo) are none of them, nor those that tidying
-- replaced.
create function app.superseded(messages text[], memories text[])
  returns table (
    memory_id text, said text, quote text, message_id text, now_says text, until text, now_id text, now_metadata jsonb)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  today text := to_char(now(), 'YYYY-MM-DD');
begin
  return query
  with reworded as materialized (
    select h.memory_id from app.memory_history h
    where h.user_id = me and h.replaced_message = any (messages)
    union
    select h.memory_id from app.memory_history h
    where h.user_id = me and h.memory_id = any (memories) and h.replaced_message is not null
  ),
  decided as materialized (
    select q.memory_id, q.proposed, q.message_id, q.answered_at from app.questions q
    where q.user_id = me and q.answer in ('old', 'neither')
      and (q.message_id = any (messages) or q.memory_id = any (memories))
  ),
  touched as materialized (
    select concerned.memory_id, app.stands_for(concerned.memory_id) as now_id
    from (select r.memory_id from reworded r union select d.memory_id from decided d) concerned
  ),
  statements as (
    select h.memory_id, coalesce(h.old_metadata ->> 'data', '') as said, h.old_metadata ->> 'quote' as quote,
      nullif(h.replaced_message, '') as message_id,
      coalesce(case when h.undoes is null then h.new_metadata ->> 'updated_at' end, to_jsonb(h.at) #>> '{}') as until
    from reworded r
    join app.memory_history h on h.user_id = me and h.memory_id = r.memory_id and h.replaced_message is not null
    where h.actor <> 'tidy'
    union all
    select d.memory_id, coalesce(d.proposed ->> 'text', ''), d.proposed ->> 'quote', d.message_id,
      to_jsonb(d.answered_at) #>> '{}'
    from decided d
  )
  select s.memory_id, s.said, s.quote, s.message_id, kept.metadata ->> 'data', s.until, kept.id::text, kept.metadata
  from statements s
  join touched t on t.memory_id = s.memory_id
  left join vecs.memories kept on kept.id = t.now_id and kept.user_id = me and (kept.expires is null or kept.expires >= today)
  where s.said is distinct from kept.metadata ->> 'data';
end $$;

-- The statements that were deleted last, by anybody but tidying and imports, and not restored; `until` is when.
create function app.removed_statements(wanted int) returns table (said text, quote text, until text)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
begin
  return query
  select h.old_metadata ->> 'data', h.old_metadata ->> 'quote', to_jsonb(h.at) #>> '{}'
  from (
    select r.memory_id, r.old_metadata, r.at from app.memory_history r
    where r.user_id = me and r.action = 'delete' and r.actor in ('person', 'model', 'rules', 'outside')
    order by r.event desc limit wanted) h
  where not h.old_metadata ? 'role'
    and not exists (select from vecs.memories m where m.id = h.memory_id and m.user_id = me);
end $$;
