#include "nnhp/base/cgroup.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace nnhp {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool names(const std::string& controllers, const std::string& controller) {
  std::istringstream text(controllers);
  for (std::string name; std::getline(text, name, ',');) {
    if (name == controller) return true;
  }
  return false;
}

void add_with_those_above(const std::string& top, std::string path, int version,
                          std::vector<Cgroup>& found) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  found.push_back({top + path, version});
  if (!path.empty()) add_with_those_above(top, path.substr(0, path.rfind('/')), version, found);
}

std::string quota_of(const Cgroup& group) {
  if (group.version == 2) return first_line(group.folder + "/cpu.max");
  return first_line(group.folder + "/cpu.cfs_quota_us") + " " +
         first_line(group.folder + "/cpu.cfs_period_us");
}

}  // namespace

std::vector<Cgroup> cgroups(const std::string& controller, const CgroupPlaces& places) {
  std::vector<Cgroup> found;
  std::ifstream own(places.own);
  for (std::string line; std::getline(own, line);) {  // hierarchy:controllers:/path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos || line[second + 1] != '/') continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      add_with_those_above(places.groups, path, 2, found);
    } else if (names(controllers, controller)) {
      add_with_those_above(places.groups + "/" + controller, path, 1, found);
    }
  }
  return found;
}

int cpus_of_cgroups(const CgroupPlaces& places) {
  int fewest = 0;
  for (const Cgroup& group : cgroups("cpu", places)) {
    const int cpus = cpus_of_quota(quota_of(group));
    if (cpus > 0) fewest = fewest > 0 ? std::min(fewest, cpus) : cpus;
  }
  return fewest;
}

int cpus_of_quota(const std::string& cpu_max) {
  std::istringstream text(cpu_max);
  double quota = 0.0, period = 0.0;
  if (!(text >> quota >> period) || quota <= 0.0 || period <= 0.0) return 0;
  return static_cast<int>(std::clamp((quota + period - 1.0) / period, 1.0, 1e6));
}

}  // namespace nnhp
