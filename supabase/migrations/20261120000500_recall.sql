-- Recall: tables and functions that find rows by words, dates and names as well as by vectors, in one trip.
--
-- Each row of vecs.memories and vecs.episodes has a place: a number that is unique among its user's rows. Messages are
-- numbered in the order of their chat (the rows of one run_id), so that neighbours differ by one; after a long pause, and
-- for another chat, numbering continues at the next thousand. Facts have no neighbours: their places are negative, the
-- newest lowest. app.postings lists which words occur at which place.

-- The form of a text in which words are searched: without accents, and each character of a script without spaces is a word.
create function app.plain_words(written text) returns text
  language sql immutable parallel safe
  as $$
    select case when octet_length(written) = char_length(written) then left(written, 200000) else
      regexp_replace(
        normalize(regexp_replace(normalize(left(written, 200000), NFD), '[\u0300-\u036f]', '', 'g'), NFC),
        '([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])', ' \1 ', 'g') end
  $$;

-- The words of a text and how often each occurs. English endings and stop words are removed; words of other languages
-- stay as they are, in memories and in questions alike.
create function app.lexemes(written text) returns table (lexeme text, tf int)
  language sql immutable parallel safe
  as $$
    select word.lexeme, coalesce(cardinality(word.positions), 1)
    from unnest(to_tsvector('pg_catalog.english'::regconfig, app.plain_words(written))) word
    where length(word.lexeme) <= 64
  $$;

-- The part of a row that is searched and embedded: the text, with the speaker before it if there is one. The same as
-- `embedded` in memory/facts.py.
create function app.searched(metadata jsonb) returns text
  language sql immutable parallel safe
  as $$ select concat_ws(': ', nullif(metadata ->> 'actor_id', ''), coalesce(metadata ->> 'data', '')) $$;

-- Only JSON text is a user id: the number 5 is not the user "5".
create function app.owner(metadata jsonb) returns text
  language sql immutable parallel safe
  as $$ select case when jsonb_typeof(metadata -> 'user_id') = 'string' then metadata ->> 'user_id' end $$;

-- The day on which something happened, if the row says so; the first day of a month or a year.
create function app.day_of(metadata jsonb) returns date
  language plpgsql stable
  set search_path = ''
  as $$
declare
  written text := left(metadata ->> 'happened_at', 10);
begin
  written := written || case length(written) when 4 then '-01-01' when 7 then '-01' else '' end;
  return case when written ~ '^\d{4}-\d\d-\d\d$' then app.moment(written)::date end;
end $$;

create table app.postings (
  user_id text not null,
  lexeme text not null,
  place int not null,
  tf smallint not null,
  primary key (user_id, lexeme, place) include (tf)
);
alter table app.postings enable row level security;
alter table app.postings force row level security;
create policy own_postings on app.postings to authenticated
  using (user_id = (select app.asking())) with check (user_id = (select app.asking()));
grant select, insert, update, delete on app.postings to authenticated;

alter table app.people add column episodes boolean not null default true;
comment on column app.people.episodes is 'Whether what is said is kept turn by turn, and searched.';

-- The place and the time of the last message of a chat; for facts, the lowest place. Takes a lock until the transaction
-- ends, so that one transaction at a time writes a user's rows and no two rows get the same place.
create function app.last_place(named text, whose text, talk text, said boolean, out place int, out said_at text)
  language plpgsql
  set search_path = ''
  as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('keepsake.write:' || whose, 0));
  if not said then
    select least(min(m.place), 0) into place from vecs.memories m where m.user_id = whose;
  elsif named = 'episodes' then
    select e.place, e.metadata ->> 'created_at' into place, said_at from vecs.episodes e
    where e.user_id = whose and coalesce(e.metadata ->> 'run_id', '') = talk and e.place >= 0
    order by e.place desc limit 1;
  else
    select m.place, m.metadata ->> 'created_at' into place, said_at from vecs.memories m
    where m.user_id = whose and coalesce(m.metadata ->> 'run_id', '') = talk and m.place >= 0
    order by m.place desc limit 1;
  end if;
end $$;

-- The first place of the next thousand that is free for this user.
create function app.next_thousand(named text, whose text) returns int
  language plpgsql
  set search_path = ''
  as $$
declare
  highest int;
begin
  if named = 'episodes' then
    select max(e.place) into highest from vecs.episodes e where e.user_id = whose;
    return coalesce((highest / 1000 + 1) * 1000, 1000000000);
  end if;
  select max(m.place) into highest from vecs.memories m where m.user_id = whose and m.place >= 0;
  return coalesce((highest / 1000 + 1) * 1000, 0);
end $$;

-- Gives a row its place, its length, its day and its time. Of many rows in one transaction, only the first searches for
-- the last place; it is noted in a setting for the others.
create function app.take_place() returns trigger
  language plpgsql
  set search_path = ''
  as $$
declare
  whose text := app.owner(new.metadata);
  said boolean := tg_table_name = 'episodes' or new.metadata ? 'role';
  talk text := coalesce(new.metadata ->> 'run_id', '');
  said_at text := new.metadata ->> 'created_at';
  line text;
  noted text[];
  last_one record;
begin
  new.letters := coalesce(char_length(new.metadata ->> 'data'), 0);
  new.day := app.day_of(new.metadata);
  new.said_at := case when said then app.moment(new.metadata ->> 'created_at') end;
  if tg_op = 'UPDATE' and whose is not distinct from app.owner(old.metadata) and old.place is not null then
    new.place := old.place;
    return new;
  end if;
  new.place := null;
  if whose is null or length(whose) > 255 then
    return new;
  end if;
  line := md5(concat_ws(' ', tg_table_name, said::text, whose, talk));
  noted := string_to_array(nullif(current_setting('keepsake.place', true), ''), ' ');
  if noted[1] = line then
    select noted[2]::int as place, nullif(noted[3], '-') as said_at into last_one;
  else
    select * into last_one from app.last_place(tg_table_name, whose, talk, said);
  end if;
  if not said then
    new.place := coalesce(last_one.place, 0) - 1;
  elsif last_one.place % 1000 < 996 and app.one_sitting(last_one.said_at, said_at) then
    new.place := last_one.place + 1;
  else
    new.place := app.next_thousand(tg_table_name, whose);
  end if;
  perform set_config('keepsake.place',
    concat_ws(' ', line, new.place::text, coalesce(replace(nullif(said_at, ''), ' ', 'T'), '-')), true);
  return new;
end $$;

-- Whether two messages of one chat were said without a long pause between them.
create function app.one_sitting(before text, after text) returns boolean
  language plpgsql stable
  set search_path = ''
  as $$
begin
  if before is null or left(before, 10) = left(after, 10) then
    return before is not null;
  end if;
  return abs(extract(epoch from app.moment(after) - app.moment(before))) <= 6 * 3600;
end $$;

-- Keeps app.postings up to date after each statement.
create function app.keep_words() returns trigger
  language plpgsql
  set search_path = ''
  as $$
begin
  if tg_op = 'INSERT' then
    insert into app.postings (user_id, lexeme, place, tf)
    select fresh.user_id, word.lexeme, fresh.place, least(word.tf, 32767)
    from fresh cross join lateral app.lexemes(app.searched(fresh.metadata)) word
    where fresh.place is not null
    on conflict do nothing;
    return null;
  end if;
  if tg_op = 'DELETE' then
    delete from app.postings p using (
      select stale.user_id, word.lexeme, stale.place
      from stale cross join lateral app.lexemes(app.searched(stale.metadata)) word) gone
    where p.user_id = gone.user_id and p.lexeme = gone.lexeme and p.place = gone.place;
    return null;
  end if;
  delete from app.postings p using (
    select stale.user_id, word.lexeme, stale.place
    from stale join fresh using (id) cross join lateral app.lexemes(app.searched(stale.metadata)) word
    where (stale.user_id, stale.place, app.searched(stale.metadata))
      is distinct from (fresh.user_id, fresh.place, app.searched(fresh.metadata))) gone
  where p.user_id = gone.user_id and p.lexeme = gone.lexeme and p.place = gone.place;
  insert into app.postings (user_id, lexeme, place, tf)
  select fresh.user_id, word.lexeme, fresh.place, least(word.tf, 32767)
  from stale join fresh using (id) cross join lateral app.lexemes(app.searched(fresh.metadata)) word
  where fresh.place is not null
    and (stale.user_id, stale.place, app.searched(stale.metadata))
      is distinct from (fresh.user_id, fresh.place, app.searched(fresh.metadata))
  on conflict do nothing;
  return null;
end $$;

-- Whether another memory of this turn, or another one that a reply used, is still deleted, by its latest version.
create function app.still_removed(owner text, turn text, used jsonb, besides text) returns boolean
  language sql stable
  set search_path = ''
  as $$
    select exists (
      select from (
        select distinct on (h.memory_id) h.action, h.actor from app.memory_history h
        where h.user_id = owner and h.memory_id <> besides
          and (coalesce(h.new_metadata, h.old_metadata) ->> 'message_id' = turn or used ? h.memory_id)
        order by h.memory_id, h.event desc) latest
      where latest.action = 'delete' and latest.actor in ('person', 'model', 'rules'))
  $$;

-- A deleted memory hides the turn from which it was learned, and replies that used it; when it is restored, they are shown
-- again. Memories that tidying or expiry deletes hide nothing.
create function app.hide_episodes() returns trigger
  language plpgsql
  set search_path = ''
  as $$
declare
  gone boolean := tg_op = 'DELETE';
  row_of jsonb := case when gone then old.metadata else new.metadata end;
  id_of text := case when gone then old.id else new.id end;
  actor text := coalesce(nullif(current_setting('keepsake.actor', true), ''), 'outside');
begin
  if actor not in ('person', 'model', 'rules') or (not gone and nullif(current_setting('keepsake.undoes', true), '') is null)
  then
    return null;
  end if;
  update vecs.episodes e set hidden = gone
  where e.user_id = app.owner(row_of) and e.hidden <> gone
    and (e.metadata ->> 'turn' = row_of ->> 'message_id' or e.metadata -> 'used' ? id_of)
    and (gone or not app.still_removed(
      app.owner(row_of), e.metadata ->> 'turn', coalesce(e.metadata -> 'used', '[]'::jsonb), id_of));
  return null;
end $$;

-- Adds to a table of vectors what recall needs, whoever made the table. Safe to run again.
create function app.prepare_recall(named text) returns void
  language plpgsql
  as $$
declare
  is_new boolean;
begin
  is_new := not exists (
    select from pg_attribute where attrelid = ('vecs.' || named)::regclass and attname = 'place' and not attisdropped);
  if is_new then
    execute format(
      'alter table vecs.%I
         add column user_id text generated always as (app.owner(metadata)) stored,
         add column expires text generated always as (metadata ->> ''expiration_date'') stored,
         add column place int, add column letters int, add column day date, add column said_at timestamptz', named);
  end if;
  execute format('create index if not exists %I on vecs.%I (user_id, place)', named || '_by_place', named);
  execute format(
    'create index if not exists %I on vecs.%I (user_id, (coalesce(metadata ->> ''run_id'', '''')), place)
       where place >= 0', named || '_by_talk', named);
  execute format('alter table vecs.%I enable row level security', named);
  execute format('alter table vecs.%I force row level security', named);
  execute format('drop policy if exists %I on vecs.%I', 'own_' || named, named);
  execute format(
    'create policy %I on vecs.%I to authenticated
       using (user_id = (select app.asking())) with check (user_id = (select app.asking()))', 'own_' || named, named);
  execute format('grant select, insert, update, delete on vecs.%I to authenticated', named);

  execute format('drop trigger if exists take_place on vecs.%I', named);
  execute format('create trigger take_place before insert or update of metadata, place on vecs.%I
                    for each row execute function app.take_place()', named);
  if is_new then
    execute format(
      'do $do$ declare each record; begin
         for each in select id from vecs.%I order by metadata ->> ''created_at'', id loop
           update vecs.%I set place = null where id = each.id;
         end loop;
       end $do$', named, named);
    execute format(
      'insert into app.postings (user_id, lexeme, place, tf)
       select kept.user_id, word.lexeme, kept.place, least(word.tf, 32767)
       from vecs.%I kept cross join lateral app.lexemes(app.searched(kept.metadata)) word
       where kept.place is not null on conflict do nothing', named);
  end if;
  execute format('drop trigger if exists keep_new_words on vecs.%I', named);
  execute format('create trigger keep_new_words after insert on vecs.%I referencing new table as fresh
                    for each statement execute function app.keep_words()', named);
  execute format('drop trigger if exists keep_changed_words on vecs.%I', named);
  execute format('create trigger keep_changed_words after update on vecs.%I
                    referencing old table as stale new table as fresh
                    for each statement execute function app.keep_words()', named);
  execute format('drop trigger if exists drop_old_words on vecs.%I', named);
  execute format('create trigger drop_old_words after delete on vecs.%I referencing old table as stale
                    for each statement execute function app.keep_words()', named);
end $$;
revoke all on function app.prepare_recall(text) from public;

-- Makes vecs.episodes, and adds to both tables what recall needs.
create function app.ensure_recall(dimension int, embed_model text) returns void
  language plpgsql
  as $$
begin
  execute format(
    'create table if not exists vecs.episodes (
       id varchar primary key, vec vector(%s) not null, metadata jsonb not null default ''{}''::jsonb,
       hidden boolean not null default false)', dimension);
  perform app.prepare_recall('episodes');
  perform app.prepare_recall('memories');
  execute 'create index if not exists episodes_of_turn on vecs.episodes (user_id, (metadata ->> ''turn''))';
  execute 'create index if not exists memories_standing on vecs.memories (user_id) where metadata ->> ''kind'' = ''instruction''';
  execute 'drop trigger if exists hide_episodes on vecs.memories';
  execute 'create trigger hide_episodes after insert or delete on vecs.memories
             for each row execute function app.hide_episodes()';
  insert into app.collections (name, dimension, embed_model)
  values ('episodes', ensure_recall.dimension, ensure_recall.embed_model)
  on conflict (name) do nothing;
end $$;
revoke all on function app.ensure_recall(int, text) from public;

-- Searches with all channels in one trip. Returns the best rows by a coarse sum, each with what every channel found, for
-- the caller to rank. `weights` come from the recipe; `held` is the number of rows that were searched.
--
--   meaning  cosine of the vectors; exact, since one user has few rows
--   words    BM25 over the user's own rows, divided by the highest sum that the question's words could reach, so that
--            few found words count little. For messages, the words of their neighbours count in part, since an answer
--            rarely repeats the words of its question
--   covered  how many of the question's words occur, weighted by rarity, out of `of_words`
--   dated    whether the row is about a day that the question names, or the week after it
--   linked   whether the row is about an entity that the question names, or a related one
--
-- `strangers` counts the `names` in the question that occur in none of these rows.
create function app.recall(
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
begin
  return query
  with rows as materialized (
    select m.place, m.letters, 1 - (m.vec <=> asked) as cosine,
      case when days is not null then coalesce(m.day, (m.said_at at time zone zone)::date) end as day
    from vecs.memories m
    where m.user_id = me and m.place is not null and 'memories' = any (sources)
      and (m.expires is null or m.expires >= today)
      and (wanted_path is null or jsonb_path_match(m.metadata, wanted_path, variables, true))
    union all
    select e.place, e.letters, 1 - (e.vec <=> asked),
      case when days is not null then coalesce(e.day, (e.said_at at time zone zone)::date) end
    from vecs.episodes e
    where e.user_id = me and e.place is not null and 'episodes' = any (sources) and not e.hidden
      and (e.expires is null or e.expires >= today)
      and coalesce((select p.episodes from app.people p where p.user_id = me), true)
      and (wanted_path is null or jsonb_path_match(e.metadata, wanted_path, variables, true))
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
    (select r.place from rows r order by nullif(r.cosine, 'NaN') desc nulls last limit 4 * wanted)
    union
    (select w.place from worded w order by w.words desc limit 4 * wanted)
    union
    select l.place from linked l
    union
    (select r.place from rows r
     where days is not null and exists (select from unnest(days) span where r.day between lower(span) and upper(span) + 6)
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
      coalesce(l.part, 0) as linked
    from met_by b join rows r on r.place = b.place cross join size cross join asks
    left join worded w on w.place = r.place
    left join linked l on l.place = r.place
  ),
  picked as materialized (
    select t.* from told t
    order by w_meaning * t.relative + w_words * t.words + w_dated * t.dated + w_linked * t.linked
      + case when t.place >= 1000000000 then w_episode else 0 end desc, t.place desc
    limit wanted
  )
  select 'memories', m.id, m.metadata, p.cosine, p.relative, p.words, p.covered, p.dated::float8, p.linked::float8,
    asks.of_words::float8, asks.strangers, size.held
  from picked p join vecs.memories m on m.user_id = me and m.place = p.place cross join size cross join asks
  union all
  select 'episodes', e.id, e.metadata, p.cosine, p.relative, p.words, p.covered, p.dated::float8, p.linked::float8,
    asks.of_words::float8, asks.strangers, size.held
  from picked p join vecs.episodes e on e.user_id = me and e.place = p.place cross join size cross join asks;
end $$;

-- The same for memories as they were at a moment, from their history, by vectors, words and dates only.
create function app.recall_as_of(
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
        then (app.moment(v.new_metadata ->> 'created_at') at time zone zone)::date end) as day
    from (
      select distinct on (h.memory_id) h.memory_id, h.action, h.new_metadata, h.new_vec from app.memory_history h
      where h.user_id = me and h.at <= moment order by h.memory_id, h.event desc) v
    where v.action <> 'delete'
      and coalesce(v.new_metadata ->> 'expiration_date', '9999') >= to_char(moment, 'YYYY-MM-DD')
      and (wanted_path is null or jsonb_path_match(v.new_metadata, wanted_path, variables, true))
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
  )
  select 'memories', t.memory_id::varchar, t.metadata, t.cosine, t.relative::float8, t.words::float8, t.covered::float8,
    t.dated::float8, 0::float8, asks.of_words::float8, asks.strangers, t.held
  from told t cross join asks
  order by w_meaning * t.relative + w_words * t.words + w_dated * t.dated desc, t.memory_id
  limit wanted;
end $$;

-- The standing memories, which every reply should know: how the person wants to be answered, and what was learned last.
create function app.standing(wanted int) returns table (id varchar, metadata jsonb)
  language plpgsql stable
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
   where m.user_id = me and m.place < 0 and coalesce(m.metadata ->> 'kind', 'fact') <> 'instruction'
     and (m.expires is null or m.expires >= today)
   order by m.place limit wanted);
end $$;
