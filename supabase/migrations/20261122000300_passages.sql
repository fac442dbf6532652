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
