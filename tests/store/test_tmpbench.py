import time, os
import sqlalchemy as sa
from tests.store.world import *

N = int(os.environ.get("BENCH_N", "300000"))


def t(label, f):
    a = time.perf_counter()
    r = f()
    b = time.perf_counter()
    print(
        f"{label:40s} {b - a:8.3f}s",
        f"acc={r.accounts} cross={r.crossings} started={r.started} told={r.told}" if hasattr(r, "accounts") else "",
        flush=True,
    )
    return r


def test_bench(database):
    w = World(database)
    G = "entry: { exclusive: attention }\n"
    w.deploy(
        a=G
        + FALLS
        + "  - metric: usage\n    falls_below: 5\ngoal: { when: metric.nps >= 75, for: 2 days }\nexit: [{ when: account.arr < 1, reason: x }]",
        b=G + FALLS + "    for: 2 days\n",
        c="triggers: [{ metric: usage, rises_above: 95 }]",
        d="triggers: [{ date: account.renewal_date - 60 days }]",
        e="triggers: [{ metric: nps, drops_by: 15, within: 14 days }]",
    )
    now = w.now
    with w.tx() as c:
        c.execute(
            sa.text("insert into account (key, learned_at) select 'k'||g, :now from generate_series(1,:n) g"),
            {"now": now, "n": N},
        )
        for f, e in (
            ("metric.nps", "to_jsonb(70+(random()*30)::int)"),
            ("metric.usage", "to_jsonb(10+(random()*80)::int)"),
            ("account.arr", "to_jsonb(100)"),
            ("account.renewal_date", "to_jsonb((date '2026-03-02' + (random()*365)::int)::text)"),
            (
                "account.zone",
                "to_jsonb((array['Europe/Berlin','America/New_York','Asia/Tokyo','UTC'])[1+floor(random()*4)::int])",
            ),
        ):
            c.execute(
                sa.text(
                    f"insert into account_value (account_id, field, value, at, learned_at) select id, '{f}', {e}, :now, :now from account"
                ),
                {"now": now},
            )
        c.execute(sa.text("insert into change (account_id) select id from account"))
    with w.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.execute(sa.text("vacuum analyze"))
    t("first, everyone", w.sweep)
    with w.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.execute(sa.text("vacuum analyze"))
    w.pass_time(timedelta(seconds=5))
    t("nothing", w.sweep)
    w.pass_time(timedelta(seconds=5))
    t("nothing", w.sweep)

    def change(share, low):
        w.pass_time(timedelta(seconds=5))
        with w.tx() as c:
            c.execute(
                sa.text(f"""with s as (select id from account where random() < :s), v as (insert into account_value (account_id, field, value, at, learned_at)
              select id, 'metric.nps', to_jsonb(case when random()<{low} then 50 else 85 end), :now, :now from s)
              insert into change (account_id) select id from s"""),
                {"s": share, "now": w.now},
            )

    for share in (0.001, 0.01, 0.1):
        change(share, 0.1)
        t(f"{share:.1%} changed, 10% of them fall", w.sweep)
    with w.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        c.execute(sa.text("vacuum analyze"))
    change(0.001, 0.1)
    t("0.1% changed", w.sweep)
    w.pass_time()
    t("a day on (dwells, moments)", w.sweep)
    w.pass_time()
    t("a day on (dwells, moments)", w.sweep)
    w.pass_time(timedelta(seconds=5))
    t("nothing", w.sweep)
    with w.tx() as c:
        c.execute(sa.text("insert into change (account_id) select id from account"))
    w.pass_time(timedelta(seconds=5))
    t("everyone again, nothing differs", w.sweep)
    t("deploy one more", lambda: w.deploy(f=FALLS.replace("60", "55")))
    t("sweep after", w.sweep)
    w.engine.dispose() if False else None
    print(w.rows("select count(*), (select count(*) from watch) from run"))
    w.engine.dispose()
