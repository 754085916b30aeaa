from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import layout
from docker_registry.upkeep.lease import Lease


def lease(driver: MemoryDriver, seconds: float = 60) -> Lease:
    return Lease(driver, "heal", seconds, settle=0)


def test_one_has_it_until_it_is_released_or_runs_out() -> None:
    driver = MemoryDriver()
    first, second = lease(driver), lease(driver)
    assert first.acquire()
    assert not second.acquire()
    assert first.acquire()
    first.release()
    assert second.acquire()
    gone = lease(driver)
    second.release()
    assert lease(driver, seconds=-1).acquire()
    assert gone.acquire()


def test_a_record_that_can_not_be_read_holds_nobody_up() -> None:
    driver = MemoryDriver()
    driver.put_content(layout.lease("heal"), b"{")
    assert lease(driver).acquire()


def test_who_comes_second_in_the_same_moment_does_not_get_it() -> None:
    class Late(MemoryDriver):
        late = False

        def create(self, path: str, data: bytes) -> bool:
            if not self.late:
                self.late = True
                assert lease(self).acquire()
            return super().create(path, data)

    assert not lease(Late()).acquire()
