// Control groups: which of them bound a process, and the CPUs of their quotas.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "nnhp/base/cgroup.hpp"

namespace nnhp::testing {
namespace {

TEST_CASE("test_cpus_of_quota_rounds_up") {
  const std::pair<std::string, int> cases[] = {{"100000 100000", 1},
                                               {"50000 100000", 1},
                                               {"1000 100000", 1},
                                               {"100001 100000", 2},
                                               {"150000 100000", 2},
                                               {"200000 100000", 2},
                                               {"800000 100000\n", 8},
                                               {"1200000 50000", 24},
                                               {"max 100000", 0},
                                               {"-1 100000", 0},
                                               {"", 0},
                                               {"100000", 0},
                                               {"0 100000", 0},
                                               {"100000 0", 0},
                                               {"rubbish", 0}};
  for (const auto& row : cases) {
    CAPTURE(row.first);
    CHECK(cpus_of_quota(row.first) == row.second);
  }
}

// Files as a system with groups shows them, in a folder that goes with it.
class System {
 public:
  explicit System(const std::string& own) {
    write("own", own);
    places.groups = (root_ / "cgroup").string();
    places.own = (root_ / "own").string();
  }
  ~System() { std::filesystem::remove_all(root_); }
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  System& with(const std::string& name, const std::string& content) {
    write("cgroup/" + name, content);
    return *this;
  }
  std::vector<std::pair<std::string, int>> groups_of(const std::string& controller) const {
    std::vector<std::pair<std::string, int>> found;
    for (const Cgroup& group : cgroups(controller, places)) {
      CHECK(group.folder.rfind(places.groups, 0) == 0);
      found.emplace_back(group.folder.substr(places.groups.size()), group.version);
    }
    return found;
  }

  CgroupPlaces places;

 private:
  void write(const std::string& name, const std::string& content) {
    const std::filesystem::path path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content << "\n";
  }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("nnhp-" + std::to_string(std::random_device{}()));
};

using Groups = std::vector<std::pair<std::string, int>>;

TEST_CASE("test_the_own_group_comes_first_and_those_above_it_follow") {
  CHECK(System("0::/a/b").groups_of("cpu") == Groups{{"/a/b", 2}, {"/a", 2}, {"", 2}});
  CHECK(System("0::/").groups_of("memory") == Groups{{"", 2}});
  const System mixed("12:cpu,cpuacct:/job\n4:memory:/\nrubbish\n0::/x");
  CHECK(mixed.groups_of("cpu") == Groups{{"/cpu/job", 1}, {"/cpu", 1}, {"/x", 2}, {"", 2}});
  CHECK(mixed.groups_of("memory") == Groups{{"/memory", 1}, {"/x", 2}, {"", 2}});
  CHECK(mixed.groups_of("acct") == Groups{{"/x", 2}, {"", 2}});
  CHECK(System("0::a/b\n0::\n1:cpu:a\n0::/x").groups_of("cpu") == Groups{{"/x", 2}, {"", 2}});
  CHECK(cgroups("cpu", {"/nowhere", "/nowhere/own"}).empty());
}

TEST_CASE("test_the_smallest_quota_of_the_groups_counts") {
  const auto cpus = [](const System& system) { return cpus_of_cgroups(system.places); };
  CHECK(cpus(System("0::/")) == 0);
  CHECK(cpus(System("0::/").with("cpu.max", "250000 100000")) == 3);
  CHECK(cpus(System("0::/a/b").with("a/b/cpu.max", "max 100000").with("cpu.max", "1 1")) == 1);
  CHECK(cpus(System("0::/a/b").with("a/b/cpu.max", "800000 100000").with("a/cpu.max", "4 2")) == 2);
  CHECK(cpus(System("0::/a/b").with("a/b/cpu.max", "200000 100000").with("a/cpu.max", "9 1")) == 2);
  // In a container, where the host's path is not there.
  CHECK(cpus(System("0::/docker/12").with("cpu.max", "150000 100000")) == 2);
  const std::string version_1 = "3:cpu,cpuacct:/job\n0::/";
  CHECK(cpus(System(version_1)
                 .with("cpu/job/cpu.cfs_quota_us", "300000")
                 .with("cpu/job/cpu.cfs_period_us", "100000")
                 .with("cpu/cpu.cfs_quota_us", "-1")
                 .with("cpu/cpu.cfs_period_us", "100000")) == 3);
  CHECK(cpus(System(version_1)
                 .with("cpu/job/cpu.cfs_quota_us", "300000")
                 .with("cpu/job/cpu.cfs_period_us", "100000")
                 .with("cpu.max", "100000 100000")) == 1);
}

}  // namespace
}  // namespace nnhp::testing
