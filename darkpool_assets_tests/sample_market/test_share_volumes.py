import numpy as np

from darkpool_assets.sample_market.share_volumes import SHARE, _by_facility


def test_the_facilities_share_out_the_total_exactly(history):
    total = history.volumes.consolidated // 3 // SHARE * SHARE
    facilities = _by_facility(total, history.draws, np.full((len(history.sessions), 1), SHARE))
    assert np.array_equal(facilities.sum(axis=0), total)
    assert (facilities[3] > 0).any()
