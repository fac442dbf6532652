-- A timezone that the person chose is kept; otherwise the browser's is stored at each visit.
alter table app.people add column timezone_chosen boolean not null default false;
