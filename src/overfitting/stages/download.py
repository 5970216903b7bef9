"""Stage download: the events of the configured source -> data/raw/events.parquet, and their origin."""

from overfitting.base import files
from overfitting.config.schema import Config
from overfitting.config.sources import BundledData, CsvData, Data, HiggsData, SimulatedData
from overfitting.data.manifest import Provenance


def run(config: Config) -> None:
    """Fetch the events of the configured source, never of another one."""
    provenance = fetch(config.data).model_copy(update={"events_sha256": files.file_digest(files.EVENTS)})
    provenance.write(files.PROVENANCE)
    print(f"{provenance.rows:,} rows from {provenance.source} -> {files.EVENTS}")


def fetch(data: Data) -> Provenance:
    """Write the table of the configured source and return its provenance; UserError if the source is unusable."""
    match data:
        case BundledData():
            from overfitting.data.sources import bundled

            return bundled.fetch(data, files.EVENTS)
        case SimulatedData():
            from overfitting.data.sources.simulated import source as simulated

            return simulated.fetch(data, files.EVENTS)
        case HiggsData():
            from overfitting.data.sources.higgs import source as higgs

            return higgs.fetch(data, files.EVENTS)
        case CsvData():
            from overfitting.data.sources.table import source as table

            return table.fetch(data, files.EVENTS)
