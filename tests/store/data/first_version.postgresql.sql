CREATE TABLE public.event_ids (
    event_id text NOT NULL,
    product_id text NOT NULL
);
CREATE TABLE public.events (
    id bigint NOT NULL,
    user_id text NOT NULL,
    product_id text NOT NULL,
    kind text NOT NULL,
    value double precision NOT NULL,
    at bigint,
    mark text DEFAULT ''::text NOT NULL
);
CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
CREATE TABLE public.products (
    product_id text NOT NULL,
    title text,
    description text,
    category text,
    price double precision,
    image_url text,
    stock integer,
    made_up boolean DEFAULT false NOT NULL
);
CREATE TABLE public.runs (
    run_id text NOT NULL,
    trigger text NOT NULL,
    started_at bigint NOT NULL,
    status text NOT NULL,
    due bigint,
    finished_at bigint,
    release text,
    message text DEFAULT ''::text NOT NULL
);
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
INSERT INTO public.event_ids VALUES ('e1', 'x');
INSERT INTO public.events VALUES (1, 'z', 'x', 'rating', 4, 10, '');
INSERT INTO public.events VALUES (2, 'a', 'y', 'purchase', 2, NULL, 'i1');
INSERT INTO public.events VALUES (3, 'a', 'x', 'rating', 3, 5, '');
INSERT INTO public.events VALUES (4, 'é''b', '日本', 'view', 1, 7, '7');
INSERT INTO public.products VALUES ('x', 'X', NULL, NULL, 1.5, NULL, NULL, false);
INSERT INTO public.products VALUES ('never sold', NULL, NULL, NULL, NULL, NULL, NULL, false);
INSERT INTO public.runs VALUES ('one', 'night', 5, 'succeeded', 1000, 9, 'R', 'went ''well'' – ✓');
SELECT pg_catalog.setval('public.events_id_seq', 4, true);
ALTER TABLE ONLY public.event_ids
    ADD CONSTRAINT event_ids_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_same UNIQUE (user_id, product_id, kind, mark);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_due_key UNIQUE (due);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
CREATE INDEX runs_started ON public.runs USING btree (started_at);
