-- Reading one request sets up every part of every policy that it meets, also those that are never asked: some hundred
-- parts took as long as the rest of the statement. These let the same rows through with fewer.

alter policy seen on request using (
    array[requesting_country, requested_country] && (select mla_countries())::text[]
    and (shared or recorded_by = any((select mla_countries())::text[]))
    and (handling = 'open' or mla_may_handle(id, handling)));
alter policy amended on request using (
    array[requesting_country, requested_country] && (select mla_countries())::text[]
    and (shared or recorded_by = any((select mla_countries())::text[]))
    and (handling = 'open' or mla_may_handle(id, handling)));

-- The countries of these rows are held to those of their request, whose own policy asks for them.
do $$
declare
    child text;
begin
    foreach child in array array[
        'request_event', 'event_void', 'request_link', 'free_text', 'record_key', 'flag', 'date_move', 'person'
    ] loop
        execute format(
            'alter policy seen on %I using (exists (select from request r where r.id = request_id))', child);
    end loop;
end $$;
