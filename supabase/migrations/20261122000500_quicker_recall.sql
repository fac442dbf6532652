-- A search takes less time: who asks is read from the claims in place, names are looked up only if the question has some, and
-- every row is weighed once.

-- A body in this form is read when the function is made, whatever the path is then; and Postgres writes it into the policies
-- that use it. Calling it took four times as long, for each table of each statement.
create or replace function app.asking() returns text
  language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';

-- The places of memories that mention these names, other names of the same, or (half as much) whom these are related to.
-- Each name is looked up by itself, with a limit: otherwise a plan that was made for people with few names would read all
-- names of a person with many.
create function app.linked_places(named text[]) returns table (place int, part float8)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  set jit = off
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  keys text[];
  met text[];
  memories text[];
begin
  select array_agg(distinct other.key) into keys
  from (
    select n.memory_id, n.entity from unnest(named) asked (key)
    cross join lateral (
      select n.memory_id, n.entity from app.entity_names n where n.user_id = me and n.key = asked.key limit 200) n
    limit 200) own
  join app.entity_names other on other.user_id = me and other.memory_id = own.memory_id and other.entity = own.entity
  where other.proper and other.key <> 'me';
  keys := named || keys;

  with related as materialized (
    (select r.memory_id, r.object_key as key from unnest(keys) asked (key)
     cross join lateral (
       select r.memory_id, r.object_key from app.relations r
       where r.user_id = me and r.subject_key = asked.key limit 250) r
     limit 250)
    union all
    (select r.memory_id, r.subject_key from unnest(keys) asked (key)
     cross join lateral (
       select r.memory_id, r.subject_key from app.relations r
       where r.user_id = me and r.object_key = asked.key limit 250) r
     limit 250)
  )
  select array_agg(distinct r.memory_id),
    (array_agg(distinct r.key) filter (where r.key <> 'me' and r.key <> all (keys)))[:100]
  into memories, met from related r;

  return query
  select m.place, max(reached.part)::float8
  from (
    (select n.memory_id, 1.0 as part from unnest(keys) asked (key)
     cross join lateral (
       select n.memory_id from app.entity_names n where n.user_id = me and n.key = asked.key limit 500) n
     limit 500)
    union all
    select found.memory_id, 1.0 from unnest(memories) found (memory_id)
    union all
    (select r.memory_id, 0.5 from unnest(met) asked (key)
     cross join lateral (
       select r.memory_id from app.relations r where r.user_id = me and r.subject_key = asked.key limit 200) r
     limit 200)
    union all
    (select r.memory_id, 0.5 from unnest(met) asked (key)
     cross join lateral (
       select r.memory_id from app.relations r where r.user_id = me and r.object_key = asked.key limit 200) r
     limit 200)
  ) reached
  join vecs.memories m on m.id = reached.memory_id and m.user_id = me
  where m.place is not null
  group by m.place;
end $$;

-- Every row is weighed, and the best are returned: before, they were chosen from the best of each channel, which took as long
-- and could miss a row that is good in several. The first version of this function explains the channels, and
-- 20261122000300_passages.sql the passages and `allowed`.
create or replace function app.recall(
    asked vector, question text, names text, grams text[], days daterange[], zone text, conditions text, variables jsonb,
    sources text[], weights jsonb, wanted int)
  returns table (
    source text, id varchar, metadata jsonb, meaning float8, relative float8, words float8, covered float8,
    dated float8, linked float8, of_words float8, strangers bigint, held bigint)
  language plpgsql stable
  -- One plan for all: planning anew takes longer than searching. Compiling it would take longer still.
  set plan_cache_mode = force_generic_plan
  set jit = off
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  wanted_path jsonpath := conditions::jsonpath;
  today text := to_char(now(), 'YYYY-MM-DD');
  w_meaning float8 := weights ->> 'meaning';
  w_words float8 := weights ->> 'words';
  w_dated float8 := weights ->> 'dated';
  w_linked float8 := weights ->> 'linked';
  w_episode float8 := weights ->> 'episode';
  w_assistant float8 := coalesce((weights ->> 'assistant')::float8, 0);
  named text[];
  linked_places int[];
  linked_parts float8[];
begin
  select array_agg(n.key) into named
  from (select distinct gram.key from unnest(grams) gram (key)) asked
  cross join lateral (select n.key from app.entity_names n where n.user_id = me and n.key = asked.key limit 1) n
  where n.key <> 'me';
  if named is not null then
    select array_agg(l.place), array_agg(l.part) into linked_places, linked_parts from app.linked_places(named) l;
  end if;
  return query
  with rows as materialized (
    select m.place, m.letters, 1 - (m.vec <=> asked) as cosine,
      case when days is not null then coalesce(m.day, (m.said_at at time zone zone)::date) end as day, m.by_assistant,
      wanted_path is null or jsonb_path_match(m.metadata, wanted_path, variables, true) as allowed
    from vecs.memories m
    where m.user_id = me and m.place is not null and 'memories' = any (sources)
      and (m.expires is null or m.expires >= today)
    union all
    select e.place, e.letters, 1 - (e.vec <=> asked),
      case when days is not null then coalesce(e.day, (e.said_at at time zone zone)::date) end, e.by_assistant,
      wanted_path is null or jsonb_path_match(e.metadata, wanted_path, variables, true)
    from vecs.episodes e
    where e.user_id = me and e.place is not null and 'episodes' = any (sources) and not e.hidden
      and (e.expires is null or e.expires >= today)
      and coalesce((select p.episodes from app.people p where p.user_id = me), true)
  ),
  size as materialized (
    select count(*) as held, greatest(avg(r.letters), 1)::float8 as letters,
      min(nullif(r.cosine, 'NaN')) as low, max(nullif(r.cosine, 'NaN')) as high
    from rows r
  ),
  hits as materialized (
    select p.lexeme, p.place, p.tf / (0.5::float8 + 0.5::float8 * r.letters / size.letters) as weight
    from app.postings p join rows r on r.place = p.place cross join size
    where p.user_id = me and p.lexeme in (select w.lexeme from app.lexemes(question) w)
  ),
  known as materialized (
    select w.lexeme, count(h.place) as places, ln(1 + (size.held - count(h.place) + 0.5) / (count(h.place) + 0.5))::float8 as idf
    from app.lexemes(question) w left join hits h on h.lexeme = w.lexeme cross join size
    group by w.lexeme, size.held
  ),
  asks as materialized (
    select coalesce(nullif(sum(k.idf), 0), 1) as of_words,
      count(*) filter (
        where k.places = 0 and k.lexeme in (select n.lexeme from app.lexemes(names) n)
          and k.lexeme not in (select w.lexeme from unnest(named) n (key) cross join lateral app.lexemes(n.key) w)) as strangers
    from known k
  ),
  spread as (
    select told.lexeme, told.place, sum(told.weight) as weight
    from (
      select h.lexeme, h.place, h.weight from hits h
      union all
      select h.lexeme, h.place + near.step, h.weight * near.part
      from known k cross join size join hits h on h.lexeme = k.lexeme
      cross join (values (1, 0.6::float8), (2, 0.35::float8), (-1, 0.45::float8), (-2, 0.2::float8)) near (step, part)
      -- A word that stands nearly everywhere says too little to be looked for in neighbours.
      where h.place >= 0 and k.places <= greatest(300, size.held / 20)
    ) told
    group by told.lexeme, told.place
  ),
  worded as materialized (
    select s.place, sum(k.idf * s.weight * 1.7::float8 / (s.weight + 0.7::float8)) as words, sum(k.idf * least(1::float8, s.weight)) as covered
    from spread s join known k on k.lexeme = s.lexeme
    group by s.place
  ),
  linked as (
    select l.place, max(l.part) as part from unnest(linked_places, linked_parts) l (place, part) group by l.place
  ),
  scored as (
    select r.place, coalesce(nullif(r.cosine, 'NaN'), 0) as cosine,
      coalesce((nullif(r.cosine, 'NaN') - size.low) / nullif(size.high - size.low, 0), case when r.cosine > 0 then 1 else 0 end)
        as relative,
      coalesce(w.words / (1.7 * asks.of_words), 0) as words, coalesce(w.covered, 0) as covered,
      case when r.day is null then 0
           when exists (select from unnest(days) span where span @> r.day) then 1
           when exists (select from unnest(days) span where r.day between lower(span) and upper(span) + 6) then 0.5
           else 0 end as dated,
      coalesce(l.part, 0) as linked, r.by_assistant
    from rows r cross join size cross join asks
    left join worded w on w.place = r.place
    left join linked l on l.place = r.place
    where r.allowed
  ),
  picked as materialized (
    select s.* from scored s
    order by w_meaning * s.relative + w_words * s.words + w_dated * s.dated + w_linked * s.linked
      + case when s.place >= 1000000000 then w_episode else 0 end
      + case when s.by_assistant then w_assistant else 0 end desc, s.place desc
    limit wanted
  )
  select 'memories', m.id, m.metadata, p.cosine, p.relative, p.words, p.covered, p.dated::float8, p.linked::float8,
    asks.of_words::float8, asks.strangers, size.held
  from picked p join vecs.memories m on m.user_id = me and m.place = p.place cross join size cross join asks
  union all
  select 'episodes', e.id,
    case when e.metadata ? 'parts' then e.metadata || jsonb_build_object('around', (
      select jsonb_object_agg(case when n.place < e.place then 'before' else 'after' end, n.metadata -> 'data')
      from vecs.episodes n
      where n.user_id = me and n.place = any (array[e.place - 1, e.place + 1]) and not n.hidden
        and n.metadata -> 'message_id' = e.metadata -> 'message_id'))
    else e.metadata end, p.cosine, p.relative, p.words, p.covered, p.dated::float8, p.linked::float8,
    asks.of_words::float8, asks.strangers, size.held
  from picked p join vecs.episodes e on e.user_id = me and e.place = p.place cross join size cross join asks;
end $$;
