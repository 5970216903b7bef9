"""Stage download: the events of the chosen source -> data/raw/events.parquet and where they come from."""

from typing import Any

from overfitting.base import files
from overfitting.config.schema import BundledData, Config, CsvData, Data, HiggsData, SimulatedData


def run(config: Config) -> None:
    """Fetch the events. Never takes another source than the one that was chosen."""
    provenance = fetch(config.data)
    files.write_json(files.PROVENANCE, provenance)
    print(f"{provenance['rows']:,} rows from {provenance['source']} -> {files.EVENTS}")


def fetch(data: Data) -> dict[str, Any]:
    """Write the table of the chosen source and return its provenance.

    Raises:
        UserError: the source can't be had.
        TypeError: an unknown kind of source.
    """
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
    raise TypeError(data)
