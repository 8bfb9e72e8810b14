"""Gridded weather in one form, from the sample in the repository to ERA5 in the cloud.

`open` gives dims (time, level, latitude, longitude), lazily; levels in hPa, latitudes and
longitudes (in [-180, 180)) ascending; `z` in geopotential metres, `u` and `v` in m s-1, `t` in K,
`msl` in hPa, float32.
Bringing it to a map is left to `latentbook.weather`.

>>> from latentbook.weather import sources
>>> sample = sources.open("weather-sample", levels=(500, 700, 900))
weather-sample: 1 gap in 712 times 6 h apart; no window spans one
>>> sample.z.dims, sample.attrs["simulated"]
(('time', 'level', 'latitude', 'longitude'), 'true')
"""

from latentbook.weather.sources.opening import open
from latentbook.weather.sources.registered import NAMES, Registered, entry

__all__ = ["NAMES", "Registered", "entry", "open"]
