-- Recall of long messages, which are kept as passages: rows of vecs.episodes with `part` and `parts`, in their order at
-- neighbouring places.
--
-- A filter no longer changes what rows are compared with: rarity, similarity and the number of rows are those of all the
-- person's rows, and `allowed` says which of them may be results. So a wider filter never gives less than a narrower one.
-- What the assistant said is weighed when candidates are chosen, since it is most of what is said, and rarely the answer.
-- A passage comes with the one before it and the one after it, in `around`.

-- Prepares a table of vectors for passages: keeps vectors inside their rows, and adds whether a row was said by the
-- assistant. Safe to run again. pgvector's vectors leave their row when it exceeds two kilobytes, as a passage with 384
-- numbers does; a search, which reads the vectors of all rows of a person, then takes five times as long. Adding the
-- column writes every row anew, and so moves vectors that were kept outside.
create function app.prepare_passages(named text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
begin
  execute format('alter table vecs.%I alter column vec set storage main', named);
  execute format(
    'alter table vecs.%I add column if not exists by_assistant boolean
       generated always as (coalesce(metadata ->> ''role'' = ''assistant'', false)) stored', named);
end $$;
revoke all on function app.prepare_passages(text) from public;

-- The column of new vectors keeps them inside their rows, too.
create or replace function app.begin_reembedding(dimension int, embed_model text) returns bigint
  language plpgsql
  as $$
#variable_conflict use_variable
declare
  named text;
  missing bigint;
  all_missing bigint := 0;
begin
  -- A role that policies bind would see no row, and move none.
  if not (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) then
    raise insufficient_privilege using message = 'the vectors are moved by a role that bypasses row-level security';
  end if;
  if not exists (
    select from app.reembedding r where r.embed_model = embed_model and r.dimension = dimension) then
    perform app.give_up_reembedding();
    insert into app.reembedding (dimension, embed_model) values (dimension, embed_model);
  end if;
  for named in select app.tables_with_vectors() loop
    if not app.has_next_vectors(named) then
      execute format('alter table vecs.%I add column vec_next vector(%s)', named, dimension);
      execute format('alter table vecs.%I alter column vec_next set storage main', named);
      execute format(
        'create trigger forget_next_vector before update of metadata on vecs.%I
           for each row execute function app.forget_next_vector()', named);
    end if;
    execute format('select count(*) from vecs.%I where vec_next is null', named) into missing;
    all_missing := all_missing + missing;
  end loop;
  return all_missing;
end $$;

create or replace function app.ensure_recall(dimension int, embed_model text) returns void
  language plpgsql
  as $$
begin
  execute format(
    'create table if not exists vecs.episodes (
       id varchar primary key, vec vector(%s) not null, metadata jsonb not null default ''{}''::jsonb,
       hidden boolean not null default false)', dimension);
  perform app.prepare_recall('episodes');
  perform app.prepare_recall('memories');
  perform app.prepare_passages('episodes');
  perform app.prepare_passages('memories');
  execute 'create index if not exists episodes_of_turn on vecs.episodes (user_id, (metadata ->> ''turn''))';
  execute 'create index if not exists memories_standing on vecs.memories (user_id) where metadata ->> ''kind'' = ''instruction''';
  execute 'drop trigger if exists hide_episodes on vecs.memories';
  execute 'create trigger hide_episodes after insert or delete on vecs.memories
             for each row execute function app.hide_episodes()';
  insert into app.collections (name, dimension, embed_model)
  values ('episodes', ensure_recall.dimension, ensure_recall.embed_model)
  on conflict (name) do nothing;
end $$;

-- The first version of this function explains the channels.
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
begin
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
  named as materialized (
    select distinct n.memory_id, n.entity, n.key from app.entity_names n
    where n.user_id = me and n.key = any (grams) and n.key <> 'me'
  ),
  asks as materialized (
    select coalesce(nullif(sum(k.idf), 0), 1) as of_words,
      count(*) filter (
        where k.places = 0 and k.lexeme in (select n.lexeme from app.lexemes(names) n)
          and k.lexeme not in (select w.lexeme from named n cross join lateral app.lexemes(n.key) w)) as strangers
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
  keys as materialized (
    select n.key from named n
    union
    select other.key from (select * from named limit 200) n
    join app.entity_names other on other.user_id = me and other.memory_id = n.memory_id and other.entity = n.entity
    where other.proper and other.key <> 'me'
  ),
  first_hop as materialized (
    select r.memory_id, r.subject_key, r.object_key from app.relations r
    where r.user_id = me and r.subject_key in (select k.key from keys k)
    union
    select r.memory_id, r.subject_key, r.object_key from app.relations r
    where r.user_id = me and r.object_key in (select k.key from keys k)
    limit 500
  ),
  met as materialized (
    select ends.key from (
      select f.subject_key as key from first_hop f union select f.object_key from first_hop f) ends
    where ends.key <> 'me' and ends.key not in (select k.key from keys k)
    limit 100
  ),
  linked as materialized (
    select reached.place, max(reached.part) as part
    from (
      select (select m.place from vecs.memories m where m.id = found.memory_id and m.user_id = me) as place, found.part
      from (
        (select n.memory_id, 1.0 as part from app.entity_names n
         where n.user_id = me and n.key in (select k.key from keys k) limit 500)
        union all
        select f.memory_id, 1.0 from first_hop f
        union all
        (select r.memory_id, 0.5 from app.relations r
         where r.user_id = me and r.subject_key in (select met.key from met) limit 200)
        union all
        (select r.memory_id, 0.5 from app.relations r
         where r.user_id = me and r.object_key in (select met.key from met) limit 200)
      ) found
    ) reached
    group by reached.place
  ),
  -- The best of each channel; what is in none of them cannot be the best of all.
  met_by as materialized (
    (select r.place from rows r where r.allowed and not r.by_assistant
     order by nullif(r.cosine, 'NaN') desc nulls last limit 2 * wanted)
    union
    (select r.place from rows r where r.allowed order by nullif(r.cosine, 'NaN') desc nulls last limit 2 * wanted)
    union
    (select w.place from worded w join rows r on r.place = w.place where r.allowed and not r.by_assistant
     order by w.words desc limit 2 * wanted)
    union
    (select w.place from worded w join rows r on r.place = w.place where r.allowed order by w.words desc limit 2 * wanted)
    union
    select l.place from linked l
    union
    (select r.place from rows r
     where r.allowed and days is not null and exists (select from unnest(days) span where r.day between lower(span) and upper(span) + 6)
     order by r.cosine desc limit 4 * wanted)
  ),
  told as (
    select r.place, coalesce(nullif(r.cosine, 'NaN'), 0) as cosine,
      coalesce((nullif(r.cosine, 'NaN') - size.low) / nullif(size.high - size.low, 0), case when r.cosine > 0 then 1 else 0 end)
        as relative,
      coalesce(w.words / (1.7 * asks.of_words), 0) as words, coalesce(w.covered, 0) as covered,
      case when r.day is null or days is null then 0
           when exists (select from unnest(days) span where span @> r.day) then 1
           when exists (select from unnest(days) span where r.day between lower(span) and upper(span) + 6) then 0.5
           else 0 end as dated,
      coalesce(l.part, 0) as linked, r.by_assistant
    from met_by b join rows r on r.place = b.place and r.allowed cross join size cross join asks
    left join worded w on w.place = r.place
    left join linked l on l.place = r.place
  ),
  picked as materialized (
    select t.* from told t
    order by w_meaning * t.relative + w_words * t.words + w_dated * t.dated + w_linked * t.linked
      + case when t.place >= 1000000000 then w_episode else 0 end
      + case when t.by_assistant then w_assistant else 0 end desc, t.place desc
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

create or replace function app.recall_as_of(
    asked vector, question text, names text, moment timestamptz, days daterange[], zone text, conditions text, variables jsonb,
    weights jsonb, wanted int)
  returns table (
    source text, id varchar, metadata jsonb, meaning float8, relative float8, words float8, covered float8,
    dated float8, linked float8, of_words float8, strangers bigint, held bigint)
  language plpgsql stable
  set jit = off
  as $$
#variable_conflict use_column
declare
  me text := app.asking();
  wanted_path jsonpath := conditions::jsonpath;
  w_meaning float8 := weights ->> 'meaning';
  w_words float8 := weights ->> 'words';
  w_dated float8 := weights ->> 'dated';
begin
  return query
  with rows as materialized (
    select v.memory_id, v.new_metadata as metadata, coalesce(nullif(1 - (v.new_vec <=> asked), 'NaN'), 0) as cosine,
      coalesce(char_length(v.new_metadata ->> 'data'), 0) as letters,
      coalesce(app.day_of(v.new_metadata), case when v.new_metadata ? 'role'
        then (app.moment(v.new_metadata ->> 'created_at') at time zone zone)::date end) as day,
      wanted_path is null or jsonb_path_match(v.new_metadata, wanted_path, variables, true) as allowed
    from (
      select distinct on (h.memory_id) h.memory_id, h.action, h.new_metadata, h.new_vec from app.memory_history h
      where h.user_id = me and h.at <= moment order by h.memory_id, h.event desc) v
    where v.action <> 'delete'
      and coalesce(v.new_metadata ->> 'expiration_date', '9999') >= to_char(moment, 'YYYY-MM-DD')
  ),
  size as materialized (
    select count(*) as held, greatest(avg(r.letters), 1)::float8 as letters, min(r.cosine) as low, max(r.cosine) as high
    from rows r
  ),
  hits as materialized (
    select r.memory_id, w.lexeme, w.tf / (0.5::float8 + 0.5::float8 * r.letters / size.letters) as weight
    from rows r cross join size cross join lateral app.lexemes(app.searched(r.metadata)) w
    where w.lexeme in (select q.lexeme from app.lexemes(question) q)
  ),
  known as materialized (
    select w.lexeme, count(h.memory_id) as places, ln(1 + (size.held - count(h.memory_id) + 0.5) / (count(h.memory_id) + 0.5))::float8 as idf
    from app.lexemes(question) w left join hits h on h.lexeme = w.lexeme cross join size
    group by w.lexeme, size.held
  ),
  asks as materialized (
    select coalesce(nullif(sum(k.idf), 0), 1) as of_words,
      count(*) filter (where k.places = 0 and k.lexeme in (select n.lexeme from app.lexemes(names) n)) as strangers
    from known k
  ),
  worded as (
    select h.memory_id, sum(k.idf * h.weight * 1.7::float8 / (h.weight + 0.7::float8)) as words, sum(k.idf * least(1::float8, h.weight)) as covered
    from hits h join known k on k.lexeme = h.lexeme
    group by h.memory_id
  ),
  told as (
    select r.memory_id, r.metadata, r.cosine,
      coalesce((r.cosine - size.low) / nullif(size.high - size.low, 0), case when r.cosine > 0 then 1 else 0 end) as relative,
      coalesce(w.words / (1.7 * asks.of_words), 0) as words, coalesce(w.covered, 0) as covered,
      case when exists (select from unnest(days) span where span @> r.day) then 1 else 0 end as dated, size.held
    from rows r cross join size cross join asks left join worded w on w.memory_id = r.memory_id
    where r.allowed
  )
  select 'memories', t.memory_id::varchar, t.metadata, t.cosine, t.relative::float8, t.words::float8, t.covered::float8,
    t.dated::float8, 0::float8, asks.of_words::float8, asks.strangers, t.held
  from told t cross join asks
  order by w_meaning * t.relative + w_words * t.words + w_dated * t.dated desc, t.memory_id
  limit wanted;
end $$;

-- The memories that are given without being asked for: how the person wants to be answered, with every reply; and with
-- `newest` what was learned last, for a question about nothing in particular ("What do you know about me?"). The function
-- of the same name with one argument belongs to earlier versions of the app, which may still run beside this one.
create function app.standing(wanted int, newest boolean) returns table (id varchar, metadata jsonb)
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
  (select m.id, m.metadata from vecs.memories m
   where m.user_id = me and m.metadata ->> 'kind' = 'instruction'
     and (m.expires is null or m.expires >= today)
   order by m.place limit wanted)
  union all
  (select m.id, m.metadata from vecs.memories m
   where newest and m.user_id = me and m.place < 0 and coalesce(m.metadata ->> 'kind', 'fact') <> 'instruction'
     and (m.expires is null or m.expires >= today)
   order by m.place limit wanted);
end $$;
