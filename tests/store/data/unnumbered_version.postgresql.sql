CREATE TABLE public.changes (
    what text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.event_ids (
    event_id text NOT NULL,
    product_id text NOT NULL
);
CREATE TABLE public.events (
    user_id text NOT NULL COLLATE pg_catalog."C",
    product_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    mark text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    value double precision NOT NULL,
    at bigint,
    number bigint NOT NULL,
    taken_back double precision DEFAULT '0'::double precision NOT NULL
);
CREATE TABLE public.followed (
    request_id text NOT NULL COLLATE pg_catalog."C",
    product_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    mark text NOT NULL,
    day bigint,
    release text,
    made_for text,
    source text,
    "position" bigint
);
CREATE TABLE public.loads (
    load_id text NOT NULL,
    file text NOT NULL,
    layout text NOT NULL,
    loaded_at bigint NOT NULL,
    details text NOT NULL
);
CREATE TABLE public.products (
    product_id text NOT NULL,
    title text,
    description text,
    category text,
    brand text,
    price double precision,
    image_url text,
    stock integer,
    withdrawn boolean,
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
    message text DEFAULT ''::text NOT NULL,
    host text DEFAULT ''::text NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    model_type text DEFAULT 'all'::text NOT NULL,
    progress text DEFAULT ''::text NOT NULL,
    verdict text
);
CREATE TABLE public.scores (
    at bigint NOT NULL,
    release text NOT NULL,
    details text NOT NULL
);
CREATE TABLE public.searches (
    query text NOT NULL COLLATE pg_catalog."C",
    product_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    mark text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL
);
CREATE TABLE public.served (
    request_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    at bigint NOT NULL,
    release text NOT NULL,
    made_for text NOT NULL,
    asked text,
    products text NOT NULL
);
CREATE TABLE public.shown (
    day bigint NOT NULL,
    release text NOT NULL COLLATE pg_catalog."C",
    made_for text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    count bigint NOT NULL
);
INSERT INTO public.changes VALUES ('events', 1795945407763284);
INSERT INTO public.changes VALUES ('products', 1795945407795870);
INSERT INTO public.event_ids VALUES ('e1', 'x');
INSERT INTO public.events VALUES ('z', 'x', 'rating', '', 4, 10, 1795945407738991, 0);
INSERT INTO public.events VALUES ('a', 'x', 'rating', '', 3, 5, 1795945407752998, 0);
INSERT INTO public.events VALUES ('é''b', '日本', 'view', '7', 1, 7, 1795945407752999, 0);
INSERT INTO public.events VALUES ('a', 'y', 'return', 'r1', 1, 20, 1795945407753000, 0);
INSERT INTO public.events VALUES ('a', 'y', 'purchase', 'i1', 2, NULL, 1795945407738992, 1);
INSERT INTO public.followed VALUES ('unknown', 'y', 'click', 1728043206, 'm', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.followed VALUES ('r1', 'y', 'click', 1728043205, 'm', 20000, 'R', 'user', 'als', 2);
INSERT INTO public.loads VALUES ('l1', 'ratings.csv', 'user, product', 20, '{"n_read": 3, "n_kept": 2, "n_events": 2, "n_stored": 1, "n_products": 0, "newest_at": 9, "known_users": null, "known_products": null, "rejected": {"no product \u2013 ''x''": 1}, "mended": {"price": 2}, "nulls": {}}');
INSERT INTO public.products VALUES ('y', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false);
INSERT INTO public.products VALUES ('日本', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false);
INSERT INTO public.products VALUES ('x', 'X', NULL, NULL, 'Brio', 1.5, NULL, 3, true, false);
INSERT INTO public.products VALUES ('never sold', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false);
INSERT INTO public.runs VALUES ('one', 'night', 5, 'succeeded', 1000, 9, 'R', 'went ''well'' – ✓', 'h:1', 2, 'svd', 'done', '{"promoted": true, "x": [1.5, null]}');
INSERT INTO public.scores VALUES (30, 'R', '{"n_events": 4, "n_users": 0, "n_ratings": 0, "recall_at_10": null, "ndcg_at_10": 0.25, "ndcg_low": null, "ndcg_high": null, "coverage": null, "rmse": null, "rmse_low": null, "message": "m"}');
INSERT INTO public.searches VALUES ('red lamp', 'x', 'click', 'id:e9', 5);
INSERT INTO public.served VALUES ('r1', 1, 1728043200, 'R', 'user', NULL, '[["x","als"],["y","als"]]');
INSERT INTO public.shown VALUES (20000, 'R', 'user', 'als', 1, 1);
INSERT INTO public.shown VALUES (20000, 'R', 'user', 'als', 2, 1);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (what);
ALTER TABLE ONLY public.event_ids
    ADD CONSTRAINT event_ids_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (user_id, product_id, kind, mark);
ALTER TABLE ONLY public.followed
    ADD CONSTRAINT followed_pkey PRIMARY KEY (request_id, product_id, kind);
ALTER TABLE ONLY public.loads
    ADD CONSTRAINT loads_pkey PRIMARY KEY (load_id);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_due_key UNIQUE (due);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.scores
    ADD CONSTRAINT scores_pkey PRIMARY KEY (at, release);
ALTER TABLE ONLY public.searches
    ADD CONSTRAINT searches_pkey PRIMARY KEY (query, product_id, kind, mark);
ALTER TABLE ONLY public.served
    ADD CONSTRAINT served_pkey PRIMARY KEY (request_id, number);
ALTER TABLE ONLY public.shown
    ADD CONSTRAINT shown_pkey PRIMARY KEY (day, release, made_for, source, "position");
CREATE INDEX events_returns ON public.events USING btree (user_id, product_id) WHERE (kind = 'return'::text);
CREATE INDEX followed_at ON public.followed USING btree (at);
CREATE INDEX followed_day ON public.followed USING btree (day);
CREATE INDEX loads_loaded ON public.loads USING btree (loaded_at);
CREATE INDEX products_category ON public.products USING btree (category, withdrawn) WHERE (category IS NOT NULL);
CREATE INDEX products_made_up ON public.products USING btree (product_id) WHERE made_up;
CREATE INDEX products_withdrawn ON public.products USING btree (product_id) WHERE withdrawn;
CREATE INDEX runs_started ON public.runs USING btree (started_at);
CREATE INDEX searches_at ON public.searches USING btree (at);
CREATE INDEX served_at ON public.served USING btree (at);
