"""What must not be split: pictures of one group, and pictures that are nearly the same."""

from training.dataset.tables import BATCH, Tables


def make(tables: Tables) -> None:
    """Make table `units` (image, unit) of the groups in `rows` and of table `together` (image, cluster), if any."""
    tables.run(
        """create or replace table units as
        select image, coalesce('g:' || "group", 'p:' || image) as unit from rows"""
    )
    if tables.value("select exists(select 1 from duckdb_tables() where table_name = 'together')"):
        _join(tables)


def _join(tables: Tables) -> None:
    """Units that share a cluster become one, also through others: a graph of units, not of pictures."""
    import numpy as np
    import pyarrow as pa

    from training.dataset.clusters import Clusters

    tables.run(
        """create or replace table knots as select unit, row_number() over (order by unit) - 1 as knot
        from units join together using (image) group by unit"""
    )
    clusters = Clusters(int(tables.value("select count(*) from knots")))
    for batch in tables.batches(
        """select min(knot) over (partition by cluster) as a, knot as b
        from (select distinct cluster, knot from together join units using (image) join knots using (unit))"""
    ):
        clusters.join(batch.column("a").to_numpy(), batch.column("b").to_numpy())
    tables.run("create or replace table joined (knot bigint, first bigint)")
    labels = clusters.labels()
    for start in range(0, len(labels), BATCH):
        part = labels[start : start + BATCH]
        tables.append("joined", pa.table({"knot": np.arange(start, start + len(part)), "first": part}))
    tables.run(
        """create or replace table units as select image, coalesce(first_one.unit, units.unit) as unit from units
        left join knots as own on own.unit = units.unit left join joined on joined.knot = own.knot
        left join knots as first_one on first_one.knot = joined.first"""
    )
